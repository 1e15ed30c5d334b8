import { initializeLogger, voice } from '@livekit/agents';
import { AudioFrame, AudioSource } from '@livekit/rtc-node';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InterruptibleOutput, type SoundSink } from '../../../src/agent/turns/interruptible-output.ts';

initializeLogger({ pretty: false, level: 'silent' });

const SAMPLE_RATE = 24_000;
const FRAME_MS = 20;
const SAMPLES = (SAMPLE_RATE * FRAME_MS) / 1000;

/** A sink that plays only when it is told to, and remembers the number of each frame (its first sample) that it played. */
class ManualSink implements SoundSink {
  readonly played: number[] = [];
  #queue: number[] = [];
  #room: Array<() => void> = [];
  #drained: Array<() => void> = [];

  get queuedDuration(): number {
    return this.#queue.length * FRAME_MS;
  }

  async captureFrame(frame: AudioFrame): Promise<void> {
    this.#queue.push(frame.data[0] ?? 0);
    if (this.queuedDuration > 200) await new Promise<void>((resolve) => this.#room.push(resolve));
  }

  clearQueue(): void {
    this.#queue = [];
    this.#tell();
  }

  async waitForPlayout(): Promise<void> {
    if (this.#queue.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  async play(frames: number): Promise<void> {
    for (let count = 0; count < frames; count += 1) {
      const next = this.#queue.shift();
      if (next !== undefined) this.played.push(next);
      this.#tell();
      await settle();
    }
  }

  #tell(): void {
    for (const resolve of this.#room.splice(0)) resolve();
    if (this.#queue.length === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/** Lets everything happen that waits for nothing, or for a time. */
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

const frame = (number: number) => {
  const pcm = new Int16Array(SAMPLES);
  pcm[0] = number;
  return new AudioFrame(pcm, SAMPLE_RATE, 1, SAMPLES);
};

function setUp(audience: Promise<unknown> = Promise.resolve()) {
  const sink = new ManualSink();
  const output = new InterruptibleOutput(sink, { sampleRate: SAMPLE_RATE, audience });
  const events: Array<{ started: true } | voice.PlaybackFinishedEvent> = [];
  output.on(voice.AudioOutput.EVENT_PLAYBACK_STARTED, () => events.push({ started: true }));
  output.on(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, (event: voice.PlaybackFinishedEvent) =>
    events.push(event),
  );
  /** Says frames with these numbers, as the framework does: one after another, then a flush; none after a cut. */
  const say = async (from: number, to: number, signal?: AbortSignal) => {
    for (let number = from; number <= to; number += 1) {
      if (signal?.aborted !== true) await output.captureFrame(frame(number));
    }
    output.flush();
  };
  return { sink, output, events, say };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the voice on its way to the caller', () => {
  it('is played in order, and says when it began and ended', async () => {
    const { sink, events, say } = setUp();
    void say(1, 30);
    await settle();
    await sink.play(40);
    expect(sink.played).toEqual(numbers(1, 30));
    expect(events).toEqual([{ started: true }, { playbackPosition: 0.6, interrupted: false }]);
  });

  it('does not begin before somebody is there', async () => {
    let come = (): void => undefined;
    const { sink, events, say } = setUp(
      new Promise<void>((resolve) => {
        come = resolve;
      }),
    );
    void say(1, 5);
    await settle();
    await sink.play(5);
    expect(events).toEqual([]);
    come();
    await settle();
    await sink.play(6);
    expect(sink.played).toEqual(numbers(1, 5));
  });

  it('can be cut off before anybody was there', async () => {
    const { output, events, say } = setUp(new Promise(() => undefined));
    const cut = new AbortController();
    const saying = say(1, 5, cut.signal);
    await settle();
    cut.abort();
    output.clearBuffer();
    await saying;
    await expect(output.waitForPlayout()).resolves.toMatchObject({ playbackPosition: 0, interrupted: true });
    expect(events).toHaveLength(1);
  });

  it('stops at once when it is paused, and goes on at the very frame where it stopped', async () => {
    const { sink, output, events, say } = setUp();
    void say(1, 30);
    await settle();
    await sink.play(7);
    output.pause();
    expect(sink.queuedDuration).toBe(0);
    await sink.play(20);
    expect(sink.played).toEqual(numbers(1, 7));
    output.resume();
    await settle(20);
    await sink.play(40);
    expect(sink.played).toEqual(numbers(1, 30));
    expect(events.at(-1)).toEqual({ playbackPosition: 0.6, interrupted: false });
  });

  it('is not over while its end was taken back by a pause', async () => {
    const { sink, output, events, say } = setUp();
    await say(1, 5);
    await sink.play(2);
    output.pause();
    await settle();
    expect(events).toEqual([{ started: true }]);
    output.resume();
    await settle(20);
    await sink.play(5);
    expect(sink.played).toEqual(numbers(1, 5));
    expect(events.at(-1)).toEqual({ playbackPosition: 0.1, interrupted: false });
  });

  it('counts what was heard when it is cut off, paused or not', async () => {
    for (const paused of [false, true]) {
      const { sink, output, events, say } = setUp();
      const cut = new AbortController();
      const saying = say(1, 30, cut.signal);
      await settle();
      await sink.play(7);
      if (paused) output.pause();
      cut.abort();
      output.clearBuffer();
      await saying;
      await settle();
      expect(events.at(-1)).toEqual({ playbackPosition: 0.14, interrupted: true });
      output.resume();
      void say(100, 101);
      await settle(20);
      await sink.play(5);
      expect(sink.played).toEqual([...numbers(1, 7), 100, 101]);
    }
  });

  it('says nothing of an answer that is thrown away while it is paused', async () => {
    const { sink, output, events, say } = setUp();
    output.pause();
    await say(1, 30);
    // As the framework does it, in this order.
    output.resume();
    await settle();
    output.clearBuffer();
    await settle(100);
    await sink.play(5);
    expect(sink.played).toEqual([]);
    expect(events).toEqual([{ playbackPosition: 0, interrupted: true }]);
    void say(100, 101);
    await settle();
    await sink.play(5);
    expect(sink.played).toEqual([100, 101]);
  });

  it('is held at the first sign of a voice, and goes on when no word follows', async () => {
    const { sink, output, say } = setUp();
    void say(1, 30);
    await settle();
    await sink.play(7);
    output.hold();
    await vi.advanceTimersByTimeAsync(100);
    output.hold();
    await vi.advanceTimersByTimeAsync(100);
    await sink.play(5);
    expect(sink.played).toEqual(numbers(1, 7));
    await vi.advanceTimersByTimeAsync(100);
    await sink.play(40);
    expect(sink.played).toEqual(numbers(1, 30));
  });

  it('stays paused when the hold that came before the pause ends', async () => {
    const { sink, output, say } = setUp();
    void say(1, 30);
    await settle();
    await sink.play(7);
    output.hold();
    output.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    await sink.play(5);
    expect(sink.played).toEqual(numbers(1, 7));
  });

  it('stays paused while the words that were said over it are not known, and what was already going on goes on', async () => {
    const { sink, output, say } = setUp();
    void say(1, 30);
    await settle();
    output.awaitWords(true);
    await sink.play(7);
    output.pause();
    output.resume();
    await vi.advanceTimersByTimeAsync(1_000);
    await sink.play(5);
    expect(sink.played).toEqual(numbers(1, 7));
    output.awaitWords(false);
    output.resume();
    await vi.advanceTimersByTimeAsync(100);
    await sink.play(40);
    expect(sink.played).toEqual(numbers(1, 30));
  });

  it('loses nothing and repeats nothing, however it is paused, held and resumed', async () => {
    const action = fc.oneof(
      fc.nat(12).map((frames) => ({ kind: 'play' as const, frames })),
      fc.constantFrom('pause' as const, 'resume' as const, 'hold' as const).map((kind) => ({ kind })),
      fc.nat(300).map((ms) => ({ kind: 'wait' as const, ms })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const { sink, output, events, say } = setUp();
        void say(1, 30).then(() => say(31, 60));
        await settle();
        for (const one of actions) {
          if (one.kind === 'play') await sink.play(one.frames);
          else if (one.kind === 'wait') await vi.advanceTimersByTimeAsync(one.ms);
          else output[one.kind]();
        }
        output.resume();
        await vi.advanceTimersByTimeAsync(1_000);
        await sink.play(80);
        expect(sink.played).toEqual(numbers(1, 60));
        expect(events.filter((event) => 'playbackPosition' in event)).toEqual([
          { playbackPosition: 0.6, interrupted: false },
          { playbackPosition: 0.6, interrupted: false },
        ]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('on a line that holds some of the sound back', () => {
  it('goes on with what had not been heard, and counts what was', async () => {
    const { sink, output, events, say } = setUp();
    output.unheardMs = 100;
    void say(1, 30);
    await settle();
    await sink.play(15);
    output.pause();
    output.resume();
    await settle(30);
    await sink.play(17);
    expect(sink.played).toEqual([...numbers(1, 15), ...numbers(11, 27)]);
    output.pause();
    output.clearBuffer();
    await settle();
    expect(events.at(-1)).toEqual({ playbackPosition: 0.44, interrupted: true });
  });

  it('says once when sound stops, and when it goes on', async () => {
    const { sink, output, say } = setUp();
    const told: boolean[] = [];
    output.followFlow((flows) => told.push(flows));
    output.hold();
    void say(1, 30);
    await settle();
    await sink.play(5);
    expect(told).toEqual([]);
    output.hold();
    output.pause();
    await settle(100);
    expect(told).toEqual([false]);
    output.resume();
    await settle(200);
    expect(told).toEqual([false, true]);
    await sink.play(30);
    output.pause();
    expect(told).toEqual([false, true]);
  });
});

describe('with a real audio source', () => {
  it('plays all of a sentence that was paused in the middle', async () => {
    vi.useRealTimers();
    const source = new AudioSource(SAMPLE_RATE, 1, 200);
    const output = new InterruptibleOutput(source, { sampleRate: SAMPLE_RATE, audience: Promise.resolve() });
    const saying = (async () => {
      for (const number of numbers(1, 30)) await output.captureFrame(frame(number));
      output.flush();
    })();
    await vi.waitUntil(() => source.queuedDuration > 100);
    output.pause();
    expect(source.queuedDuration).toBe(0);
    output.resume();
    await saying;
    const finished = await output.waitForPlayout();
    expect(finished.interrupted).toBe(false);
    expect(finished.playbackPosition).toBeCloseTo(0.6, 5);
    await source.close();
  });
});
