import {
  RoomAgentDispatch,
  RoomConfiguration,
  SIPDispatchRuleInfo,
  SIPInboundTrunkInfo,
  SIPOutboundTrunkInfo,
} from 'livekit-server-sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLiveKit } from '../../src/rooms/livekit.ts';
import { applySip, listSip, removeSip } from '../../src/rooms/sip.ts';
import type { SipFiles } from '../../src/rooms/sip-files.ts';
import { PROFILE_ATTRIBUTE } from '../../src/rooms/sip-participant.ts';
import { startLivekitServer, testConfig } from '../support/livekit-server.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';

const AGENT = { agentName: 'charla' };
let stack: SipStack;
let livekit: ReturnType<typeof createLiveKit>;

beforeAll(async () => {
  stack = await startSipStack();
  livekit = createLiveKit(testConfig(stack.livekit));
});
beforeEach(async () => {
  await removeSip(
    livekit,
    (await listSip(livekit)).map(({ id }) => id),
  );
});
afterAll(() => stack?.stop());

function files(): Required<SipFiles> {
  return {
    inboundTrunk: SIPInboundTrunkInfo.fromJson({
      name: 'Daisy',
      numbers: ['+34910000001'],
      allowed_addresses: ['127.0.0.1'],
      auth_username: 'daisy',
      auth_password: 'a-password-of-the-tests',
      max_call_duration: '3600s',
      headers_to_attributes: { 'X-Customer': 'customer' },
    }),
    outboundTrunk: SIPOutboundTrunkInfo.fromJson({
      name: 'Daisy out',
      address: 'sip.example.com',
      numbers: ['+34910000001'],
      auth_username: 'daisy',
      auth_password: 'a-password-of-the-tests',
    }),
    dispatchRule: SIPDispatchRuleInfo.fromJson({
      name: 'Daisy',
      rule: { dispatchRuleIndividual: { roomPrefix: 'call-' } },
      attributes: { [PROFILE_ATTRIBUTE]: 'ventas' },
    }),
  };
}

describe('a trunk and its rule', () => {
  it('are made as the files say, with the agent, and applying them twice changes nothing', async () => {
    const made = await applySip(livekit, files(), AGENT);
    expect(made.map(({ kind, action }) => `${kind} ${action}`)).toEqual([
      'inbound trunk created',
      'outbound trunk created',
      'dispatch rule created',
    ]);
    const [trunk] = await stack.sip.listSipInboundTrunk();
    expect(trunk).toMatchObject({
      name: 'Daisy',
      numbers: ['+34910000001'],
      allowedAddresses: ['127.0.0.1'],
      authUsername: 'daisy',
      authPassword: 'a-password-of-the-tests',
      maxCallDuration: { seconds: 3600n },
      headersToAttributes: { 'X-Customer': 'customer' },
    });
    const [rule] = await stack.sip.listSipDispatchRule();
    expect(rule).toMatchObject({
      trunkIds: [trunk?.sipTrunkId],
      attributes: { [PROFILE_ATTRIBUTE]: 'ventas' },
      roomConfig: { agents: [{ agentName: 'charla' }], departureTimeout: 1 },
    });
    expect((await stack.sip.listSipOutboundTrunk())[0]).toMatchObject({
      address: 'sip.example.com',
      authPassword: 'a-password-of-the-tests',
    });

    const again = await applySip(livekit, files(), AGENT);
    expect(again.map(({ action }) => action)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    expect(again.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
  });

  it('are changed in place where a file has changed, and the change is told by field, never by value', async () => {
    const [before] = await applySip(livekit, files(), AGENT);
    const changed = files();
    changed.inboundTrunk.numbers = ['+34910000001', '+34910000002'];
    changed.inboundTrunk.authPassword = 'another-password-of-the-tests';
    changed.dispatchRule.attributes = {};
    const changes = await applySip(livekit, changed, AGENT);
    expect(changes).toMatchObject([
      { id: before?.id, action: 'updated', fields: ['numbers', 'authPassword'] },
      { action: 'unchanged' },
      { action: 'updated', fields: ['attributes'] },
    ]);
    expect(JSON.stringify(changes)).not.toContain('password-of-the-tests');
    expect(await stack.sip.listSipInboundTrunk()).toMatchObject([
      { numbers: ['+34910000001', '+34910000002'], authPassword: 'another-password-of-the-tests' },
    ]);
    expect((await stack.sip.listSipDispatchRule())[0]?.attributes).toEqual({});
  });

  it('are left as they are by a dry run, which says what would be done', async () => {
    const planned = await applySip(livekit, files(), { ...AGENT, dryRun: true });
    expect(planned.map(({ action }) => action)).toEqual(['created', 'created', 'created']);
    expect(await listSip(livekit)).toEqual([]);
  });

  it('of somebody else stay as they are', async () => {
    await stack.sip.createSipInboundTrunk('theirs', ['+34919999999']);
    await applySip(livekit, files(), AGENT);
    expect((await listSip(livekit)).map(({ name }) => name)).toContain('theirs');
  });

  it('keep the agents and the trunks that the file names, the inbound trunk by its name', async () => {
    const named = files();
    const other = await stack.sip.createSipInboundTrunk('other', ['+34910000003']);
    named.dispatchRule.trunkIds = ['Daisy', other.sipTrunkId];
    named.dispatchRule.roomConfig = new RoomConfiguration({
      agents: [new RoomAgentDispatch({ agentName: 'another' })],
    });
    const [trunk] = await applySip(livekit, named, AGENT);
    const [rule] = await stack.sip.listSipDispatchRule();
    expect(rule?.trunkIds).toEqual([trunk?.id, other.sipTrunkId]);
    expect(rule?.roomConfig?.agents).toMatchObject([{ agentName: 'another' }]);
  });

  it('that LiveKit refuses are one sentence with its reason', async () => {
    await stack.sip.createSipInboundTrunk('theirs', ['+34910000001']);
    await expect(applySip(livekit, files(), AGENT)).rejects.toMatchObject({
      code: 'CHARLA_SIP_REFUSED',
      message: expect.stringContaining('Conflicting inbound SIP Trunks'),
    });
  });

  it('are removed by name or id, the rule first; a name that is not there removes nothing', async () => {
    await applySip(livekit, files(), AGENT);
    await expect(removeSip(livekit, ['Daisy', 'nobody'])).rejects.toMatchObject({
      code: 'CHARLA_SIP_NOT_FOUND',
    });
    expect(await listSip(livekit)).toHaveLength(3);
    const removed = await removeSip(livekit, ['Daisy']);
    expect(removed.map(({ kind }) => kind)).toEqual(['dispatch rule', 'inbound trunk']);
    expect((await listSip(livekit)).map(({ name }) => name)).toEqual(['Daisy out']);
  });

  it('are listed in a line without their passwords', async () => {
    await applySip(livekit, files(), AGENT);
    const lines = (await listSip(livekit)).map(({ summary }) => summary);
    expect(lines[0]).toBe('numbers +34910000001, from 127.0.0.1, as «daisy»');
    expect(lines.join()).not.toContain('password');
  });

  it('cannot be kept by a livekit-server without Redis, and the sentence says so', async () => {
    const plain = await startLivekitServer();
    await expect(listSip(createLiveKit(testConfig(plain)))).rejects.toMatchObject({
      code: 'CHARLA_SIP_NOT_CONNECTED',
      message: expect.stringContaining(plain.url),
    });
    await plain.stop();
  });
});
