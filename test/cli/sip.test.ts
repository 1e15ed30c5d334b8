import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCharla } from '../support/run-charla.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';

let stack: SipStack;
let folder: string;

beforeAll(async () => {
  [stack, folder] = await Promise.all([startSipStack(), mkdtemp(join(tmpdir(), 'charla-sip-cli-'))]);
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true });
});

async function sip(args: readonly string[], env: Record<string, string> = {}) {
  const { url, apiKey, apiSecret } = stack.livekit;
  const credentials = { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret };
  const { all, exitCode } = await runCharla(['sip', ...args], { ...credentials, ...env });
  return { said: all.replaceAll(/(ST|SDR)_\w+/g, '$1'), exitCode };
}

describe('charla sip', () => {
  it('applies the files of the repository, says so once, and removes them by name', async () => {
    const planned = await sip(['apply', '--dry-run']);
    expect(planned).toEqual({
      said: 'inbound trunk «Charla» would be created\ndispatch rule «Charla» would be created',
      exitCode: 0,
    });
    expect((await sip(['list'])).said).toBe('no trunks and no dispatch rules');

    const applied = await sip(['apply']);
    expect(applied.said).toBe('inbound trunk «Charla» ST created\ndispatch rule «Charla» SDR created');
    expect((await sip(['apply'])).said).toBe('nothing to change');
    expect((await sip(['apply', '--dry-run'])).said).toBe('nothing to change');
    expect((await sip(['apply'], { AGENT_NAME: 'another' })).said).toBe(
      'dispatch rule «Charla» SDR updated: roomConfig',
    );
    expect((await sip(['list'])).said).toBe(
      'inbound trunk «Charla» ST: numbers any, from 127.0.0.1 ::1\n' +
        'dispatch rule «Charla» SDR: trunks ST, agent another',
    );
    const removed = await sip(['rm', 'Charla']);
    expect(removed.said).toBe('dispatch rule «Charla» SDR removed\ninbound trunk «Charla» ST removed');
  });

  it('needs the files that the command line names', async () => {
    const outbound = join(folder, 'out.json');
    const trunk = { name: 'out', address: 'sip.example.com', numbers: ['+34910000001'] };
    await writeFile(outbound, JSON.stringify({ trunk }));
    const applied = await sip(['apply', '--outbound', outbound, '--inbound', join(folder, 'none.json')]);
    expect(applied.exitCode).toBe(1);
    expect(applied.said).toContain('none.json: is not there');
  });

  it('fails with a sentence, and shows no secret', async () => {
    const inbound = join(folder, 'in.json');
    await writeFile(
      inbound,
      JSON.stringify({
        trunk: { name: 'in', numbers: ['+1'], authUsername: 'me', authPassword: 'a-trunk-password' },
      }),
    );
    const applied = await sip(['apply', '--inbound', inbound]);
    expect(applied.said).toContain('inbound trunk «in» ST created');
    await writeFile(
      inbound,
      JSON.stringify({
        trunk: { name: 'in', numbers: ['+1'], authUsername: 'me', authPassword: 'a-newer-password' },
      }),
    );
    const changed = await sip(['apply', '--inbound', inbound]);
    expect(changed.said).toContain('inbound trunk «in» ST updated: authPassword');
    for (const { said } of [applied, changed, await sip(['list'])]) expect(said).not.toContain('-password');
    expect(await sip(['rm', 'nobody'])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('CHARLA_SIP_NOT_FOUND'),
    });
  });

  it('says in --help what it reads and does', async () => {
    const { said } = await sip(['apply', '--help']);
    expect(said).toContain('"inbound-trunk.json"');
    expect(said).toContain('"dispatch-rule.json"');
    expect(said).toContain('--dry-run');
  });
});
