import { initializeLogger } from '@livekit/agents';
import { AudioFrame, ParticipantKind, RoomEvent } from '@livekit/rtc-node';
import { expect, it, vi } from 'vitest';
import { followLine } from '../../src/agent/follow-line.ts';
import { InterruptibleOutput } from '../../src/agent/turns/interruptible-output.ts';
import { LINE_TOPIC, PHONE_IDENTITY, VOICE_TOPIC } from '../../src/rooms/line-messages.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { TestRoom } from './room.ts';

initializeLogger({ pretty: false, level: 'silent' });

const RATE = 24_000;
const FRAME = 480;

/** An agent in a room, whose sink has played nothing yet of what it took. */
function setUp() {
  const room = new TestRoom();
  const taken: number[] = [];
  const sink = {
    queuedDuration: 0,
    captureFrame: async (frame: AudioFrame) => void taken.push(frame.data[0] ?? 0),
    clearQueue: () => undefined,
    waitForPlayout: () => new Promise<void>(() => undefined),
  };
  const output = new InterruptibleOutput(sink, { sampleRate: RATE, audience: Promise.resolve() });
  followLine(room.asRoom(), output, createLogger('test', 'silent'));
  const hear = (from: string, unheardMs: unknown, topic = LINE_TOPIC) =>
    room.emit(
      RoomEvent.DataReceived,
      Buffer.from(JSON.stringify({ unheard_ms: unheardMs })),
      { identity: from },
      0,
      topic,
    );
  const say = async (frames: number) => {
    for (let number = 1; number <= frames; number += 1) {
      await output.captureFrame(new AudioFrame(new Int16Array(FRAME).fill(number), RATE, 1, FRAME));
    }
  };
  return { room, output, taken, hear, say };
}

const phone = { identity: PHONE_IDENTITY, info: { kind: ParticipantKind.STANDARD }, attributes: {} };

it('a gateway is told when the voice stops and goes on, and the voice goes on from what it says was heard', async () => {
  const { room, output, taken, hear, say } = setUp();
  room.remoteParticipants.set(PHONE_IDENTITY, phone);
  hear(PHONE_IDENTITY, 60);
  await say(10);
  output.pause();
  output.resume();
  await vi.waitUntil(() => taken.length === 13, { timeout: 10_000 });
  expect(taken).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 8, 9, 10]);
  expect(room.sent).toEqual([
    { topic: VOICE_TOPIC, value: { flows: false } },
    { topic: VOICE_TOPIC, value: { flows: true } },
  ]);
});

it('nobody else is told, or believed', async () => {
  const { room, output, taken, hear, say } = setUp();
  hear('ana', 60);
  hear(PHONE_IDENTITY, 60, 'another topic');
  for (const wrong of [-1, 'long', 1e9, null]) hear(PHONE_IDENTITY, wrong);
  await say(5);
  output.pause();
  output.resume();
  await say(1);
  await vi.waitUntil(() => taken.length >= 6, { timeout: 10_000 });
  expect(taken).toEqual([1, 2, 3, 4, 5, 1]);
  expect(room.sent).toEqual([]);
});
