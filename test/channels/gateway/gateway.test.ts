import { EventEmitter } from 'node:events';
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGateway } from '../../../src/channels/gateway/create-gateway.ts';
import {
  type Gateway,
  type GatewayCall,
  LINE_RATE,
  type Line,
  type LineEnd,
} from '../../../src/channels/line.ts';
import { CharlaError } from '../../../src/errors.ts';
import {
  LINE_TOPIC,
  PHONE_IDENTITY,
  SEND_DIGITS_METHOD,
  TRANSFER_METHOD,
  VOICE_TOPIC,
  VOICE_TRACK,
} from '../../../src/rooms/line-messages.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { levelDb } from '../../support/caller.ts';
import { startLivekitServer, type TestLivekitServer } from '../../support/livekit-server.ts';
import { Telephone } from '../../support/telephone.ts';

const AGENT_RATE = 24_000;
const LOUD_DB = -30;

let livekit: TestLivekitServer;
let gateway: Gateway;
/** Of the call that was opened last. */
let room = '';
const closed: string[] = [];
const agents: TestAgent[] = [];
const telephones: Telephone[] = [];

beforeAll(async () => {
  livekit = await startLivekitServer();
});
beforeEach(() => {
  gateway = createGateway({
    config: { MAX_GATEWAY_CALLS: 2, GATEWAY_CALL_MINUTES: 1 },
    log: createLogger('test', 'fatal'),
    registry: new Registry(),
    openCall: async (_line, options) => {
      room = options.room;
      return {
        sessionId: room,
        language: 'es',
        url: livekit.url,
        token: await tokenFor(room, PHONE_IDENTITY),
      };
    },
    awaySentence: async () => undefined,
    closeCall: async (sessionId) => {
      closed.push(sessionId);
    },
  });
});
afterEach(async () => {
  await gateway.close();
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));
  for (const telephone of telephones.splice(0)) telephone.end();
});
afterAll(() => livekit?.stop());

async function tokenFor(name: string, identity: string, kind?: 'agent'): Promise<string> {
  const token = new AccessToken(livekit.apiKey, livekit.apiSecret, { identity });
  token.addGrant({ roomJoin: true, room: name, agent: kind === 'agent' });
  if (kind !== undefined) token.kind = kind;
  return token.toJwt();
}

/** Somebody else in the room of a call, who speaks and hears as the agent does. */
class TestAgent {
  readonly room = new Room();
  readonly heard: { at: number; db: number }[] = [];
  readonly #source = new AudioSource(AGENT_RATE, 1, 200);
  readonly #ambience = new AudioSource(AGENT_RATE, 1, 200);

  static async join(name = room): Promise<TestAgent> {
    const agent = new TestAgent();
    agents.push(agent);
    agent.room.on(RoomEvent.TrackSubscribed, (track) => void agent.#hear(track));
    await agent.room.connect(livekit.url, await tokenFor(name, 'agent', 'agent'), {
      autoSubscribe: true,
      dynacast: false,
    });
    await agent.#publish(VOICE_TRACK, agent.#source);
    await agent.#publish('background_audio', agent.#ambience);
    await vi.waitUntil(() => agent.heard.length > 0, 15_000);
    return agent;
  }

  async #publish(name: string, source: AudioSource): Promise<void> {
    const track = LocalAudioTrack.createAudioTrack(name, source);
    const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
    const publication = await this.room.localParticipant?.publishTrack(track, options);
    await publication?.waitForSubscription();
  }

  async #hear(track: RemoteTrack): Promise<void> {
    const stream = new AudioStream(track, { sampleRate: 16_000, numChannels: 1, frameSizeMs: 20 });
    for await (const { data } of stream as AsyncIterable<AudioFrame>) {
      this.heard.push({ at: performance.now(), db: levelDb(data) });
    }
  }

  async speak(ms: number, on: 'voice' | 'ambience' = 'voice'): Promise<void> {
    const source = on === 'voice' ? this.#source : this.#ambience;
    const pcm = tone(AGENT_RATE, ms);
    for (let start = 0; start < pcm.length; start += 480) {
      await source.captureFrame(new AudioFrame(pcm.slice(start, start + 480), AGENT_RATE, 1, 480));
    }
  }

  async tell(flows: boolean): Promise<void> {
    await this.room.localParticipant?.publishData(Buffer.from(JSON.stringify({ flows })), {
      reliable: true,
      topic: VOICE_TOPIC,
    });
  }

  async ask(method: string, payload: object): Promise<string | undefined> {
    return this.room.localParticipant?.performRpc({
      destinationIdentity: PHONE_IDENTITY,
      method,
      payload: JSON.stringify(payload),
    });
  }

  async leave(): Promise<void> {
    await this.room.disconnect();
  }
}

/** Of the events of LiveKit's native library. */
function nativeListeners(): number {
  const client: unknown = Reflect.get(globalThis, '_ffiClientInstance');
  if (!(client instanceof EventEmitter)) throw new Error('the library keeps its listeners elsewhere now');
  return client.listenerCount('ffi_event');
}

function tone(rate: number, ms: number): Int16Array {
  return Int16Array.from(
    { length: (rate * ms) / 1000 },
    (_, at) => 8_000 * Math.sin((2 * Math.PI * 440 * at) / rate),
  );
}

async function callWith(more: Partial<Line> = {}): Promise<{
  call: GatewayCall;
  telephone: Telephone;
  ends: LineEnd[];
}> {
  const ends: LineEnd[] = [];
  const telephone = new Telephone((frame) => call.receive(frame));
  telephones.push(telephone);
  const call = await gateway.open({
    channel: 'audiosocket',
    callId: 'a-call',
    phone: { direction: 'inbound', caller: '+34600111222', called: '+34911234567' },
    bufferedBytes: 0,
    send: (frame) => telephone.hear(frame),
    close: async (end) => {
      ends.push(end);
    },
    ...more,
  });
  telephone.begin();
  return { call, telephone, ends };
}

describe('a call', () => {
  it('is heard by the agent, and hears it', async () => {
    const { telephone } = await callWith();
    const agent = await TestAgent.join();
    const saidAt = performance.now();
    await telephone.say(tone(LINE_RATE, 300));
    await vi.waitUntil(() => agent.heard.some(({ at, db }) => at > saidAt && db > LOUD_DB), 15_000);
    const spokenAt = performance.now();
    await agent.speak(300);
    await vi.waitUntil(() => telephone.firstSoundAfter(spokenAt), 15_000);
    await telephone.quiet();
    expect(levelDb(telephone.recording(spokenAt).subarray(0, LINE_RATE / 5))).toBeGreaterThan(LOUD_DB);
  });

  it('hears all that sounds in its room at the same time', async () => {
    const { telephone } = await callWith();
    const agent = await TestAgent.join();
    await vi.waitUntil(() => telephone.recording().length > LINE_RATE / 2, 15_000);
    const spokenAt = performance.now();
    await Promise.all([agent.speak(600), agent.speak(600, 'ambience')]);
    await telephone.quiet();
    // Two tones of one height are up to 6 dB more than one.
    const loudest = Math.max(
      ...Array.from({ length: 10 }, (_, at) =>
        levelDb(telephone.recording(spokenAt).subarray(at * 400, at * 400 + 400)),
      ),
    );
    const one = levelDb(tone(LINE_RATE, 100));
    expect(loudest).toBeGreaterThan(one - 20);
  });

  it('brings the keys that the person presses, as livekit-sip does', async () => {
    const { call } = await callWith();
    const agent = await TestAgent.join();
    const pressed: string[] = [];
    agent.room.on(RoomEvent.DtmfReceived, (code, digit, { identity }) =>
      pressed.push(`${identity} ${code} ${digit}`),
    );
    for (const digit of ['1', '#', 'x', '12', 'D']) call.digit(digit);
    await vi.waitUntil(() => pressed.length === 3, 15_000);
    expect(pressed).toEqual(['phone 1 1', 'phone 11 #', 'phone 15 D']);
  });

  it('does for the agent what its line can, and says what it cannot', async () => {
    const sendDigits = vi.fn(async () => undefined);
    const transfer = vi.fn(async (to: string) => {
      if (to !== '+34911000000') {
        throw new CharlaError('CHARLA_CARRIER_FAILED', {
          carrier: 'Test',
          command: 'transfer',
          reason: 'busy',
        });
      }
    });
    const { call } = await callWith({ sendDigits, transfer });
    const agent = await TestAgent.join();
    await expect(agent.ask(SEND_DIGITS_METHOD, { digits: '12#' })).resolves.toBe('{}');
    expect(sendDigits).toHaveBeenCalledWith('12#');
    await expect(agent.ask(SEND_DIGITS_METHOD, { digits: 'drop table' })).rejects.toThrow();
    await expect(agent.ask(TRANSFER_METHOD, { to: '+34911000001' })).rejects.toThrow('busy');
    await expect(agent.ask(TRANSFER_METHOD, { to: '+34911000000' })).resolves.toBe('{}');
    await expect(call.ended).resolves.toBe('transferred');

    await callWith();
    const other = await TestAgent.join();
    await expect(other.ask(TRANSFER_METHOD, { to: '+34911000000' })).rejects.toThrow('has no such thing');
  });

  it('is given away by its agent alone, and to nothing that is no number', async () => {
    const transfer = vi.fn(async () => undefined);
    const sendDigits = vi.fn(async () => undefined);
    const { call } = await callWith({ transfer, sendDigits });
    const agent = await TestAgent.join();
    const listener = new TestAgent();
    agents.push(listener);
    await listener.room.connect(livekit.url, await tokenFor(room, 'a-supervisor'), {
      autoSubscribe: true,
      dynacast: false,
    });
    await vi.waitUntil(() => listener.room.remoteParticipants.has(PHONE_IDENTITY), 15_000);
    await expect(listener.ask(TRANSFER_METHOD, { to: '+34911000000' })).rejects.toThrow('only the agent');
    await expect(listener.ask(SEND_DIGITS_METHOD, { digits: '1' })).rejects.toThrow('only the agent');
    for (const to of ['0034911000000', '+34 911', 'tel:+34911000000', 'sip:a b@c', '']) {
      await expect(agent.ask(TRANSFER_METHOD, { to }), to).rejects.toThrow();
    }
    expect([transfer.mock.calls, sendDigits.mock.calls]).toEqual([[], []]);
    await agent.ask(TRANSFER_METHOD, { to: 'sip:200@pbx.example' });
    await expect(call.ended).resolves.toBe('transferred');
  });
});

describe('an agent that falls silent', () => {
  it('is cut off at the carrier, once; what is behind its voice goes on', async () => {
    const clear = vi.fn();
    const { telephone } = await callWith({ clear });
    const agent = await TestAgent.join();
    await vi.waitUntil(() => telephone.recording().length > LINE_RATE / 2, 15_000);
    void agent.speak(3_000);
    await vi.waitUntil(() => telephone.lastSound(), 15_000);
    await agent.tell(false);
    await vi.waitUntil(() => clear.mock.calls.length > 0, 15_000);
    expect(clear).toHaveBeenCalledTimes(1);

    await agent.tell(true);
    const resumedAt = performance.now();
    await vi.waitUntil(() => telephone.firstSoundAfter(resumedAt), 15_000);
    await telephone.quiet();
    const behindAt = performance.now();
    await agent.tell(false);
    await agent.speak(300, 'ambience');
    await vi.waitUntil(() => telephone.firstSoundAfter(behindAt), 15_000);
    expect(clear).toHaveBeenCalledTimes(2);
  });

  it('knows how much of it the carrier has not played yet', async () => {
    const CARRIER_LAG_MS = 300;
    const mark = (name: string) => void setTimeout(() => call.played(name), CARRIER_LAG_MS);
    const { call } = await callWith({ mark });
    const agent = await TestAgent.join();
    const told: number[] = [];
    agent.room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
      if (topic !== LINE_TOPIC || participant?.identity !== PHONE_IDENTITY) return;
      told.push((JSON.parse(Buffer.from(payload).toString()) as { unheard_ms: number }).unheard_ms);
    });
    await vi.waitUntil(() => told.some((ms) => ms >= CARRIER_LAG_MS), 15_000);
    expect(Math.max(...told)).toBeLessThan(3_000);
  });
});

describe('the end', () => {
  it('of the room is the end of the call', async () => {
    const { call, ends } = await callWith();
    await TestAgent.join();
    const url = livekit.url.replace('ws', 'http');
    await new RoomServiceClient(url, livekit.apiKey, livekit.apiSecret).deleteRoom(room);
    await expect(call.ended).resolves.toBe('agent_hung_up');
    expect(ends).toEqual(['agent_hung_up']);
    await vi.waitUntil(() => closed.includes(call.sessionId), 15_000);
  });

  it('by the agent leaves no listener to LiveKit’s library behind', async () => {
    const url = livekit.url.replace('ws', 'http');
    const roomService = new RoomServiceClient(url, livekit.apiKey, livekit.apiSecret);
    const endedByAgent = async () => {
      const { call } = await callWith();
      await roomService.deleteRoom(room);
      await call.ended;
    };
    // With which it is loaded.
    await endedByAgent();
    const before = nativeListeners();
    for (let count = 0; count < 3; count += 1) await endedByAgent();
    await vi.waitUntil(() => nativeListeners() <= before, 15_000);
  });

  it('of the line takes the person out of the room', async () => {
    const { call, ends } = await callWith();
    const agent = await TestAgent.join();
    call.end('caller_hung_up');
    call.end('line_failed');
    await expect(call.ended).resolves.toBe('caller_hung_up');
    expect(ends).toEqual(['caller_hung_up']);
    await vi.waitUntil(() => agent.room.remoteParticipants.size === 0, 15_000);
    expect(gateway.calls).toBe(0);
  });

  it('comes when the agent is gone and no other one comes', async () => {
    const { call } = await callWith();
    const agent = await TestAgent.join();
    await agent.leave();
    await expect(call.ended).resolves.toBe('room_failed');
  });
});

it('takes as many calls as it may, and says so to the next', async () => {
  await callWith();
  const { call } = await callWith();
  await expect(callWith()).rejects.toMatchObject({ code: 'CHARLA_CALLS_FULL' });
  call.end('caller_hung_up');
  await call.ended;
  await vi.waitUntil(() => gateway.calls === 1, 15_000);
  await expect(callWith()).resolves.toBeDefined();
});

it('a gateway that closes ends calls that are still being opened too, and takes no more', async () => {
  const ends: LineEnd[] = [];
  const line: Line = {
    channel: 'audiosocket',
    callId: 'a-call',
    phone: { direction: 'inbound', caller: null, called: null },
    bufferedBytes: 0,
    send: () => undefined,
    close: async (end) => void ends.push(end),
  };
  const opening = gateway.open(line);
  await gateway.close();
  await expect((await opening).ended).resolves.toBe('agent_hung_up');
  expect(ends).toEqual(['agent_hung_up']);
  expect(gateway.calls).toBe(0);
  await expect(gateway.open(line)).rejects.toMatchObject({ code: 'CHARLA_CALLS_FULL' });
});

it('a livekit-server that starts again in the middle of a call is joined again', async () => {
  const { telephone, call, ends } = await callWith();
  const name = room;
  await (await TestAgent.join()).leave();
  await livekit.stop();
  await livekit.start();
  const agent = await TestAgent.join(name);
  await vi.waitUntil(() => agent.heard.length > 50, 20_000);
  const spokenAt = performance.now();
  await agent.speak(300);
  await vi.waitUntil(() => telephone.firstSoundAfter(spokenAt), 15_000);
  expect(ends).toEqual([]);
  call.end('caller_hung_up');
});
