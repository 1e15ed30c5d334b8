import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterBuffer, type JitterEvent } from '../../../src/channels/gateway/jitter-buffer.ts';
import { FRAME_SAMPLES } from '../../../src/channels/line.ts';

function setUp() {
  const events: Record<JitterEvent, number> = { dropped: 0, concealed: 0 };
  const buffer = new JitterBuffer((event, frames) => {
    events[event] += frames;
  });
  return { buffer, events };
}

/** A frame that holds its number, and is as loud as speech or as quiet as a pause. */
function frame(number: number, loud = true): Int16Array {
  const samples = new Int16Array(FRAME_SAMPLES).fill(loud ? 5_000 : 0);
  samples[0] = number;
  return samples;
}

const numberOf = (samples: Int16Array | undefined) => samples?.[0];
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('sound that comes evenly', () => {
  it('is given as it came, with one frame kept back at most', () => {
    const { buffer, events } = setUp();
    const given: unknown[] = [];
    for (const number of numbers(1, 500)) {
      buffer.write(frame(number));
      given.push(numberOf(buffer.read()));
    }
    expect(given).toEqual(numbers(1, 500));
    expect(events).toEqual({ dropped: 0, concealed: 0 });
  });

  it('comes out whole, whatever the pieces are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }), (sizes) => {
        const { buffer } = setUp();
        const given: number[] = [];
        let next = 0;
        for (const size of sizes) {
          buffer.write(Int16Array.from({ length: size }, () => next++ % 30_000));
          for (;;) {
            const read = buffer.read();
            if (read === undefined) break;
            given.push(...read);
          }
        }
        expect(given).toEqual(Array.from(given, (_, at) => at % 30_000));
        // What the highest target may keep back, and a piece that is no frame yet.
        expect(next - given.length).toBeLessThan(6 * FRAME_SAMPLES);
      }),
      { numRuns: 200 },
    );
  });
});

describe('sound that comes unevenly', () => {
  it('has silence where a frame is late, and keeps more back from then on', () => {
    const { buffer, events } = setUp();
    for (const number of numbers(1, 3)) buffer.write(frame(number));
    expect(numbers(1, 4).map(() => numberOf(buffer.read()))).toEqual([1, 2, 3, undefined]);
    buffer.write(frame(4));
    expect(numberOf(buffer.read())).toBe(4);
    expect(events).toEqual({ dropped: 0, concealed: 1 });
    expect(buffer.read()).toBeUndefined();
    buffer.write(frame(5));
    expect(buffer.read()).toBeUndefined();
    buffer.write(frame(6));
    expect([buffer.read(), buffer.read()].map(numberOf)).toEqual([5, 6]);
  });

  it('bursts of five frames each 100 ms are without a gap after the first half second', () => {
    const { buffer } = setUp();
    const given: unknown[] = [];
    let next = 1;
    for (let tick = 0; tick < 250; tick += 1) {
      if (tick % 5 === 0) for (let count = 0; count < 5; count += 1) buffer.write(frame(next++));
      given.push(numberOf(buffer.read()));
    }
    expect(given.slice(50)).not.toContain(undefined);
  });

  it('is no gap where somebody sent nothing for long', () => {
    const { buffer, events } = setUp();
    buffer.write(frame(1));
    for (let tick = 0; tick < 200; tick += 1) buffer.read();
    buffer.write(frame(2));
    expect(numberOf(buffer.read())).toBe(2);
    expect(events).toEqual({ dropped: 0, concealed: 0 });
  });
});

describe('sound that comes too fast', () => {
  it('is bounded: the newest half second is kept', () => {
    const { buffer, events } = setUp();
    for (const number of numbers(1, 1_000)) buffer.write(frame(number));
    expect(buffer.heldMs).toBe(500);
    expect(numberOf(buffer.read())).toBe(976);
    expect(events.dropped).toBe(975);
  });

  it('in one piece of a minute is bounded too', () => {
    const { buffer } = setUp();
    buffer.write(new Int16Array(8_000 * 60).fill(7));
    expect(buffer.heldMs).toBe(500);
  });

  it('ten times too fast leaves bounded memory and a call that goes on', () => {
    const { buffer, events } = setUp();
    let next = 1;
    for (let tick = 0; tick < 500; tick += 1) {
      for (let count = 0; count < 10; count += 1) buffer.write(frame(next++));
      expect(buffer.read()).toBeDefined();
      expect(buffer.heldMs).toBeLessThanOrEqual(500);
    }
    expect(events.dropped).toBeGreaterThan(4_000);
  });

  it('a delay that a burst has left goes away in the pauses of speech, and no speech with it', () => {
    const { buffer } = setUp();
    const given: Int16Array[] = [];
    for (const number of numbers(1, 20)) buffer.write(frame(number));
    for (const number of numbers(21, 400)) {
      // A pause of 200 ms each second.
      buffer.write(frame(number, number % 50 >= 10));
      given.push(buffer.read() ?? new Int16Array(FRAME_SAMPLES));
    }
    expect(buffer.heldMs).toBeLessThanOrEqual(60);
    const spoken = given.filter((samples) => samples[1] !== 0).map(numberOf);
    const last = spoken.at(-1) ?? 0;
    expect(spoken).toEqual(numbers(1, last).filter((number) => number <= 20 || number % 50 >= 10));
  });

  it('goes away even where nobody pauses', () => {
    const { buffer, events } = setUp();
    for (const number of numbers(1, 20)) buffer.write(frame(number));
    for (const number of numbers(21, 700)) {
      buffer.write(frame(number));
      buffer.read();
    }
    expect(buffer.heldMs).toBeLessThanOrEqual(60);
    expect(events.dropped).toBeGreaterThanOrEqual(17);
  });
});

it('what is cleared is never heard, and what comes after it is, at once', () => {
  const { buffer, events } = setUp();
  for (const number of numbers(1, 5)) buffer.write(frame(number));
  buffer.read();
  buffer.clear();
  expect(buffer.heldMs).toBe(0);
  expect(buffer.read()).toBeUndefined();
  buffer.write(frame(6));
  expect(numberOf(buffer.read())).toBe(6);
  expect(events).toEqual({ dropped: 0, concealed: 0 });
});
