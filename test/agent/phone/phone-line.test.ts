import { Room, RoomEvent, RpcError } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPhoneLine, type PhoneLine, telephonesLeave } from '../../../src/agent/phone/phone-line.ts';
import { createLiveKit, type LiveKit, type LiveKitClients } from '../../../src/rooms/livekit.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../../support/livekit-server.ts';

const TO = { name: 'soporte', number: '+34911234567', mode: 'refer', ringSeconds: 5 } as const;
const LIMIT = { maxSeconds: 600 };

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
    expect(await line.transfer(TO, LIMIT)).toBe('away');
    expect(asked).toEqual([
      ['charla.send_digits', { digits: '12#' }],
      ['charla.transfer', { to: '+34911234567', ring_s: 5 }],
    ]);
  });

  it('says so when the carrier refuses', async () => {
    await gateway(() => {
      throw new RpcError(1, 'the carrier refused');
    });
    await expect(line.transfer(TO, LIMIT)).rejects.toThrow('the carrier refused');
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
    await expect(line.transfer(TO, LIMIT)).rejects.toThrow();
    await expect(line.transfer({ ...TO, mode: 'leg' }, LIMIT)).rejects.toThrow();
  });

  it('rings for a second leg as long as it may, in a call as long as it may', async () => {
    await join('sip_1', { kind: 'sip' });
    await expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(1);
    const asked: unknown[] = [];
    const sip = {
      listSipOutboundTrunk: async () => [{ sipTrunkId: 'ST_1', name: 'out', numbers: [] }],
      createSipParticipant: async (...args: unknown[]) => asked.push(args),
    };
    const livekit: LiveKit = { request: (ask) => ask({ sip } as unknown as LiveKitClients) };
    const one = createPhoneLine({ room: agent, livekit, outboundTrunk: 'out' });
    expect(await one.transfer({ ...TO, mode: 'leg' }, LIMIT)).toBe('joined');
    const call = { participantIdentity: 'transfer', ringingTimeout: 5, maxCallDuration: 600 };
    expect(asked).toEqual([['ST_1', TO.number, agent.name, expect.objectContaining(call)]]);
  });

  it('is not there when the person has hung up, or holds no telephone', async () => {
    await expect(line.sendDigits('1')).rejects.toThrow('no telephone');
    await join('ana');
    await expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(1);
    await expect(line.transfer(TO, LIMIT)).rejects.toThrow('no telephone');
  });
});

describe('a room that two telephones have', () => {
  const isOver = (way: 'away' | 'joined') => {
    const known = { over: false };
    void telephonesLeave(agent, way).then(() => Object.assign(known, { over: true }));
    return known;
  };
  const people = (count: number) =>
    expect.poll(() => agent.remoteParticipants.size, { timeout: 10_000 }).toBe(count);

  it('is theirs until one of them leaves, whoever else does', async () => {
    await gateway();
    const [leg, listener] = await Promise.all([join('transfer', { kind: 'sip' }), join('ana')]);
    await people(3);
    const known = isOver('joined');
    await listener.disconnect();
    await people(2);
    expect(known.over).toBe(false);
    await leg.disconnect();
    await expect.poll(() => known.over, { timeout: 10_000 }).toBe(true);
  });

  it('is nobody’s when one of them has hung up at once', async () => {
    await gateway();
    await telephonesLeave(agent, 'joined');
  });

  it('is needed until the telephone has left that was given away', async () => {
    const { room: phone } = await gateway();
    const known = isOver('away');
    await line.sendDigits('1');
    expect(known.over).toBe(false);
    await phone.disconnect();
    await expect.poll(() => known.over, { timeout: 10_000 }).toBe(true);
    // Nobody is there to wait for.
    await telephonesLeave(agent, 'away');
  });
});
