import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FrameClock } from '../../../src/channels/gateway/frame-clock.ts';
import { registerGatewayMetrics } from '../../../src/channels/gateway/gateway-metrics.ts';
import type { Person, RoomListener } from '../../../src/channels/gateway/person-in-room.ts';
import { RunningCall, type RunningCallParts } from '../../../src/channels/gateway/running-call.ts';
import { FRAME_MS, FRAME_SAMPLES, type Line, type LineEnd } from '../../../src/channels/line.ts';
import { createLogger } from '../../../src/telemetry/log.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

const speech = () => new Int16Array(FRAME_SAMPLES).fill(5_000);

/** What the call that is set up last listens with, also before it has joined. */
let early: RoomListener | undefined;

/** What a call is made of whose line and room are none. */
function parts(registry = new Registry()): RunningCallParts {
  return {
    line: {
      channel: 'twilio',
      callId: 'a-call',
      phone: { direction: 'inbound', caller: null, called: null },
      bufferedBytes: 0,
      send: () => undefined,
      close: async () => undefined,
    },
    log: createLogger('test', 'silent'),
    clock: new FrameClock(),
    metrics: registerGatewayMetrics(registry, () => 1),
    sessionId: 'a-session',
    maxMs: 60_000,
    join: () => Promise.reject(new Error('there is no room')),
    reopen: async () => undefined,
    sentence: async () => speech(),
  };
}

/** A call in a room that is none, for what no real room does at a test's word. */
async function setUp(
  more: Partial<Line> = {},
  { joins = [] as ((person: { isGone: boolean }) => void)[] } = {},
) {
  const registry = new Registry();
  const said: Int16Array[] = [];
  const sent: Int16Array[] = [];
  const ends: LineEnd[] = [];
  const reopened: true[] = [];
  let left = 0;
  let joined = 0;
  const person: { -readonly [Key in keyof Person]: Person[Key] } = {
    isAlone: false,
    isGone: false,
    speak: (frame) => said.push(frame) > 0,
    press: async () => undefined,
    tell: async () => undefined,
    leave: async () => {
      left += 1;
    },
  };
  let listener: RoomListener | undefined;
  const made = parts(registry);
  const line: Line = {
    ...made.line,
    send: (frame) => void sent.push(frame),
    close: async (end) => void ends.push(end),
  };
  const call = new RunningCall({
    ...made,
    line: Object.defineProperties(line, Object.getOwnPropertyDescriptors(more)),
    reopen: async () => void reopened.push(true),
    join: async (wants) => {
      listener = wants;
      early = wants;
      joined += 1;
      const one = { ...person };
      joins.shift()?.(one);
      return one;
    },
  });
  await call.begin();
  const run = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  /** As carriers do, all the time. */
  const runWithSound = async (ms: number) => {
    for (let at = 0; at < ms; at += FRAME_MS) {
      call.receive(new Int16Array(FRAME_SAMPLES));
      await run(FRAME_MS);
    }
  };
  const room = () => listener as RoomListener;
  return {
    call,
    said,
    sent,
    ends,
    run,
    runWithSound,
    room,
    registry,
    reopened,
    left: () => left,
    joined: () => joined,
  };
}

it('sends a frame each 20 ms both ways, silence where there is nothing', async () => {
  const { said, sent, run } = await setUp();
  await run(1_000);
  expect([said.length, sent.length]).toEqual([50, 50]);
  expect(
    [...said, ...sent].every((frame) => frame.length === FRAME_SAMPLES && frame.every((one) => one === 0)),
  ).toBe(true);
});

describe('limits', () => {
  it('a carrier that sends nothing any more is given up after 30 s', async () => {
    const { call, ends, run, runWithSound } = await setUp();
    await runWithSound(20_000);
    expect(ends).toEqual([]);
    await run(31_000);
    expect(ends).toEqual(['line_failed']);
    await expect(call.ended).resolves.toBe('line_failed');
  });

  it('a carrier that never says «stop» ends at the longest time of a call', async () => {
    const { ends, runWithSound, left } = await setUp();
    await runWithSound(59_000);
    expect(ends).toEqual([]);
    await runWithSound(2_000);
    expect(ends).toEqual(['time_limit']);
    expect(left()).toBe(1);
  });

  it('a room that everybody else has left is left after 5 s', async () => {
    const { room, ends, runWithSound } = await setUp();
    room().onAlone(true);
    await runWithSound(4_000);
    room().onAlone(false);
    await runWithSound(10_000);
    expect(ends).toEqual([]);
    room().onAlone(true);
    await runWithSound(6_000);
    expect(ends).toEqual(['room_failed']);
  });
});

describe('a line that does not take what is sent', () => {
  it('loses sound, and no memory grows', async () => {
    let bufferedBytes = 100_000;
    const { sent, run, room, registry } = await setUp({
      get bufferedBytes() {
        return bufferedBytes;
      },
    });
    for (let count = 0; count < 50; count += 1) {
      room().onSound('voice', speech(), { isVoice: true });
      await run(FRAME_MS);
    }
    expect(sent).toEqual([]);
    expect(await registry.metrics()).toContain('gateway_frames_total{event="dropped",towards="line"} 50');
    bufferedBytes = 0;
    room().onSound('voice', speech(), { isVoice: true });
    await run(FRAME_MS);
    expect(sent).toHaveLength(1);
  });

  it('that throws is a line that failed', async () => {
    const { ends, run } = await setUp({
      send: () => {
        throw new Error('broken');
      },
    });
    await run(FRAME_MS);
    expect(ends).toEqual(['line_failed']);
  });

  it('that is never closed does not keep the call', async () => {
    const { call, run } = await setUp({ close: () => new Promise(() => undefined) });
    call.end('time_limit');
    await run(16_000);
    await expect(call.ended).resolves.toBe('time_limit');
  });

  it('that cannot even be closed does not keep the call', async () => {
    const { call, run } = await setUp({ close: () => Promise.reject(new Error('broken')) });
    call.end('time_limit');
    await run(0);
    await expect(call.ended).resolves.toBe('time_limit');
  });
});

describe('a room that is away', () => {
  const away = () => {
    throw new Error('away');
  };

  it('is joined again, and the person hears a sentence meanwhile', async () => {
    const { sent, said, ends, room, runWithSound } = await setUp(
      {},
      { joins: [() => undefined, away, away] },
    );
    room().onGone('lost');
    await runWithSound(1_400);
    const before = said.length;
    expect(sent.length).toBeGreaterThan(60);
    // And in it, once, the sentence.
    expect(sent.filter((frame) => frame[0] !== 0)).toEqual([speech()]);
    await runWithSound(1_000);
    expect(said.length).toBeGreaterThan(before + 20);
    expect(ends).toEqual([]);
  });

  it('whose connection comes back by itself is opened again, in case livekit-server has forgotten it', async () => {
    const { sent, ends, reopened, room, runWithSound } = await setUp();
    room().onReconnecting(true);
    await runWithSound(800);
    room().onAlone(true);
    room().onReconnecting(false);
    await runWithSound(10_000);
    expect(ends).toEqual([]);
    room().onAlone(false);
    expect(reopened).toEqual([true]);
    expect(sent.every((frame) => frame[0] === 0)).toBe(true);
    room().onReconnecting(true);
    await runWithSound(3_000);
    expect(sent.filter((frame) => frame[0] !== 0)).toEqual([speech()]);
  });

  it('for 15 s ends the call', async () => {
    const { ends, room, runWithSound } = await setUp(
      {},
      { joins: [() => undefined, ...new Array<() => void>(40).fill(away)] },
    );
    room().onGone('lost');
    await runWithSound(14_000);
    expect(ends).toEqual([]);
    await runWithSound(2_000);
    expect(ends).toEqual(['room_failed']);
  });

  it('is joined again once, however often it is lost meanwhile', async () => {
    const { ends, room, joined, runWithSound } = await setUp(
      {},
      {
        joins: [
          () => undefined,
          () => {
            early?.onGone('lost');
            throw new Error('lost while it was joined');
          },
          // Lost between the end of the joining and whoever waits for it.
          (person) => {
            person.isGone = true;
            early?.onGone('lost');
          },
        ],
      },
    );
    room().onGone('lost');
    room().onGone('lost');
    await runWithSound(5_000);
    expect(joined()).toBe(4);
    expect(ends).toEqual([]);
    room().onGone('lost');
    await runWithSound(1_000);
    expect(joined()).toBe(5);
  });

  it('while the call begins is no call, and nobody joins it later', async () => {
    let listener: RoomListener | undefined;
    let joined = 0;
    const call = new RunningCall({
      ...parts(),
      join: async (wants) => {
        listener = wants;
        joined += 1;
        listener.onGone('lost');
        throw new Error('lost while it was joined');
      },
    });
    await expect(call.begin()).rejects.toThrow('lost while it was joined');
    listener?.onGone('lost');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(joined).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that was closed ends it at once', async () => {
    const { ends, room, run } = await setUp();
    room().onGone('closed');
    await run(0);
    expect(ends).toEqual(['agent_hung_up']);
  });
});

it('that is over before its room is joined leaves it, and nothing of it runs on', async () => {
  const { sent, left, run, room } = await setUp({}, { joins: [() => early?.onGone('closed')] });
  expect(room()).toBe(early);
  await run(1_000);
  expect(sent).toEqual([]);
  expect(left()).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});

it('marks from before the sound was thrown away say nothing of the lag', async () => {
  const names: string[] = [];
  const { call, room, runWithSound } = await setUp({
    mark: (name) => void names.push(name),
    clear: () => undefined,
  });
  await runWithSound(1_100);
  expect(names.length).toBe(2);
  room().onVoiceFlows(false);
  for (const name of [...names, 'nobody-asked']) call.played(name);
  await runWithSound(1_000);
  expect(names.length).toBe(4);
});
