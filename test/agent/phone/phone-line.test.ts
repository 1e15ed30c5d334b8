import { Room, RoomEvent, RpcError } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPhoneLine, type PhoneLine, somebodyLeaves } from '../../../src/agent/phone/phone-line.ts';
import { createLiveKit } from '../../../src/rooms/livekit.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../../support/livekit-server.ts';

const TO = { name: 'soporte', number: '+34911234567', mode: 'refer', ringSeconds: 5 } as const;

let server: TestLivekitServer;
let agent: Room;
let line: PhoneLine;
const rooms: Room[] = [];
let tests = 0;

beforeAll(async () => {
  server = await startLivekitServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  tests += 1;
  agent = await join('agent');
  line = createPhoneLine({
    room: agent,
    livekit: createLiveKit(testConfig(server)),
    outboundTrunk: undefined,
  });
});
afterEach(async () => {
  await Promise.all(rooms.splice(0).map((room) => room.disconnect()));
});

async function join(identity: string, more: { kind?: 'sip'; isPhone?: boolean } = {}): Promise<Room> {
  const { kind, isPhone = kind === 'sip' } = more;
  const token = new AccessToken(server.apiKey, server.apiSecret, {
    identity,
    ...(isPhone && { attributes: { 'sip.callID': 'c-1', 'sip.callStatus': 'active' } }),
  });
  token.addGrant({ roomJoin: true, room: `line-${tests}` });
  if (kind !== undefined) token.kind = kind;
  const room = new Room();
  rooms.push(room);
  await room.connect(server.url, await token.toJwt(), { autoSubscribe: true, dynacast: false });
  return room;
}

/** The telephone of a gateway's call, and what it was asked. */
async function gateway(
  answer: () => string = () => '{}',
): Promise<{ asked: [string, unknown][]; room: Room }> {
  const asked: [string, unknown][] = [];
  const room = await join('phone', { isPhone: true });
  for (const method of ['charla.send_digits', 'charla.transfer']) {
    room.localParticipant?.registerRpcMethod(method, async ({ payload }) => {
      asked.push([method, JSON.parse(payload)]);
      return answer();
    });
  }
  await expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(1);
  return { asked, room };
}

describe('the line of a call', () => {
  it('asks the gateway of a carrier for keys and transfers', async () => {
    const { asked } = await gateway();
    await line.sendDigits('12#');
    expect(await line.transfer(TO)).toBe('away');
    expect(asked).toEqual([
      ['charla.send_digits', { digits: '12#' }],
      ['charla.transfer', { to: '+34911234567', ring_s: 5 }],
    ]);
  });

  it('says so when the carrier refuses', async () => {
    await gateway(() => {
      throw new RpcError(1, 'the carrier refused');
    });
    await expect(line.transfer(TO)).rejects.toThrow('the carrier refused');
  });

  it('sends keys to a SIP telephone as LiveKit does', async () => {
    const phone = await join('sip_1', { kind: 'sip' });
    const keys: [number, string][] = [];
    phone.on(RoomEvent.DtmfReceived, (code, digit) => keys.push([code, digit]));
    await expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(1);
    await line.sendDigits('1*#D');
    // Codes of RFC 4733.
    await expect
      .poll(() => keys)
      .toEqual([
        [1, '1'],
        [10, '*'],
        [11, '#'],
        [15, 'D'],
      ]);
  });

  it('does not take a SIP call for given away that nobody could give away', async () => {
    await join('sip_1', { kind: 'sip' });
    await expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(1);
    await expect(line.transfer(TO)).rejects.toThrow();
    await expect(line.transfer({ ...TO, mode: 'leg' })).rejects.toThrow();
  });

  it('is not there when the person has hung up, or holds no telephone', async () => {
    await expect(line.sendDigits('1')).rejects.toThrow('no telephone');
    await join('ana');
    await expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(1);
    await expect(line.transfer(TO)).rejects.toThrow('no telephone');
  });
});

describe('a room that two telephones have', () => {
  it('is theirs until one of them leaves', async () => {
    const { room } = await gateway();
    let isOver = false;
    const over = somebodyLeaves(agent).then(() => {
      isOver = true;
    });
    await line.sendDigits('1');
    expect(isOver).toBe(false);
    await room.disconnect();
    await over;
    // Nobody is there to wait for.
    await somebodyLeaves(agent);
  });
});
