import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSipFiles, type SipFilePaths } from '../../src/rooms/sip-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'charla-sip-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Contents = Partial<Record<keyof SipFilePaths, unknown>>;

async function read(contents: Contents, env: Record<string, string> = {}) {
  const paths: SipFilePaths = {
    inboundTrunk: join(folder, 'inbound.json'),
    outboundTrunk: join(folder, 'outbound.json'),
    dispatchRule: join(folder, 'rule.json'),
  };
  for (const [which, content] of Object.entries(contents)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(paths[which as keyof SipFilePaths], text);
  }
  return readSipFiles(paths, env, { required: ['inboundTrunk'] });
}

/** The problems, a line each, without the folder. */
async function problems(contents: Contents, env?: Record<string, string>): Promise<string[]> {
  const error = await read(contents, env).then(
    () => new Error('it was read'),
    (refused: Error) => refused,
  );
  return error.message
    .replaceAll(`${folder}/`, '')
    .split('\n')
    .filter((line) => line.startsWith('  - '))
    .map((line) => line.slice('  - '.length));
}

const TRUNK = { name: 'Charla', numbers: ['+34910000001'] };
const RULE = { name: 'Charla', rule: { dispatchRuleIndividual: { roomPrefix: 'call-' } } };

describe('the files of a SIP trunk', () => {
  it.each([
    ['camel case', { trunk: { ...TRUNK, allowedAddresses: ['10.0.0.1'] } }, RULE],
    [
      'snake case',
      { trunk: { ...TRUNK, allowed_addresses: ['10.0.0.1'] } },
      { name: 'Charla', rule: { dispatch_rule_individual: { room_prefix: 'call-' } } },
    ],
    [
      'other wrapping',
      { ...TRUNK, allowedAddresses: ['10.0.0.1'] },
      { dispatch_rule: { name: 'Charla', rule: { dispatchRuleIndividual: { room_prefix: 'call-' } } } },
    ],
  ])('are read in %s', async (_, inboundTrunk, dispatchRule) => {
    const files = await read({ inboundTrunk, dispatchRule });
    expect(files.inboundTrunk).toMatchObject({ ...TRUNK, allowedAddresses: ['10.0.0.1'] });
    expect(files.dispatchRule).toMatchObject({
      name: 'Charla',
      rule: { rule: { case: 'dispatchRuleIndividual', value: { roomPrefix: 'call-' } } },
    });
    expect(files.outboundTrunk).toBeUndefined();
  });

  it('of the repository are valid', async () => {
    const paths = {
      inboundTrunk: 'inbound-trunk.json',
      outboundTrunk: '-',
      dispatchRule: 'dispatch-rule.json',
    };
    const files = await readSipFiles(paths, {}, { required: ['inboundTrunk', 'dispatchRule'] });
    expect(files.inboundTrunk?.allowedAddresses).toEqual(['127.0.0.1', '::1']);
  });

  it('take passwords from the environment', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder of a file is written so.
    const inboundTrunk = { ...TRUNK, auth_username: 'me', auth_password: '${SIP_AUTH_PASSWORD}' };
    const files = await read({ inboundTrunk }, { SIP_AUTH_PASSWORD: 'secret' });
    expect(files.inboundTrunk?.authPassword).toBe('secret');
    expect(await problems({ inboundTrunk })).toEqual([
      'inbound.json /auth_password: there is no SIP_AUTH_PASSWORD in .env or in the environment',
    ]);
  });

  it.each<[Contents, string[]]>([
    [{}, ['inbound.json: is not there']],
    [{ inboundTrunk: '{"trunk":' }, ['inbound.json /: is not a JSON object']],
    [{ inboundTrunk: [] }, ['inbound.json /: is not a JSON object']],
    [{ inboundTrunk: { trunk: 7 } }, ['inbound.json /trunk: is not a JSON object']],
    [
      { inboundTrunk: { trunk: { ...TRUNK, number: '+34' } } },
      ['inbound.json /trunk: LiveKit knows no «number» in SIPInboundTrunkInfo'],
    ],
    [
      { inboundTrunk: { trunk: { ...TRUNK, numbers: '+34' } } },
      ["inbound.json /trunk: a value is no SIPInboundTrunkInfo.numbers of LiveKit's"],
    ],
    [
      { inboundTrunk: { trunk: { ...TRUNK, ringing_timeout: 'soon' } } },
      ["inbound.json /trunk: a value is no Duration of LiveKit's"],
    ],
    [
      { inboundTrunk: { trunk: { ...TRUNK, sip_trunk_id: 'ST_1' } } },
      ['inbound.json /trunk/sip_trunk_id: is given by livekit-server; leave it out'],
    ],
    [
      { inboundTrunk: { trunk: { name: 'Charla', krispEnabled: true } } },
      [
        'inbound.json /trunk: anybody could call; name numbers, allowedAddresses, or authUsername with authPassword',
        'inbound.json /trunk/krispEnabled: Krisp works on LiveKit Cloud only; leave it out',
      ],
    ],
    [
      { inboundTrunk: { trunk: { ...TRUNK, authUsername: 'me' } } },
      ['inbound.json /trunk/authUsername: a name needs authPassword, and a password authUsername'],
    ],
    [
      { inboundTrunk: TRUNK, outboundTrunk: { name: 'out', address: 'sip:me@example.com' } },
      [
        'outbound.json /address: is a host, with or without a port, not a SIP address',
        'outbound.json /numbers: is empty; calls go out with one of these numbers',
      ],
    ],
    [
      { inboundTrunk: TRUNK, dispatchRule: { rule: { dispatchRuleDirect: { roomName: 'all' } } } },
      [
        'rule.json /name: is missing; by its name it is found again the next time',
        'rule.json /rule/dispatchRuleDirect: puts every caller into one room; take dispatchRuleIndividual',
      ],
    ],
    [
      { inboundTrunk: TRUNK, dispatchRule: { ...RULE, rule: {}, hide_phone_number: true } },
      [
        'rule.json /rule: is missing, for example {"dispatchRuleIndividual": {"roomPrefix": "call-"}}',
        "rule.json /hidePhoneNumber: hides the caller's number from the agent too; leave it out",
      ],
    ],
  ])('%j are refused with a path and a sentence', async (contents, expected) => {
    expect(await problems(contents)).toEqual(expected);
  });

  it('show no value that is wrong: it may be a password', async () => {
    const inboundTrunk = { ...TRUNK, authUsername: 'me', authPassword: { secret: 'a-password' } };
    expect((await problems({ inboundTrunk })).join()).not.toContain('a-password');
  });
});
