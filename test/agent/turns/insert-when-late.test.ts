import { ReadableStream } from 'node:stream/web';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type InsertWhenLateOptions, insertWhenLate } from '../../../src/agent/turns/insert-when-late.ts';

const LATE_MS = 2_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A stream whose pieces come at these times, ms. */
function timed(
  pieces: ReadonlyArray<[atMs: number, piece: string]>,
  onCancel?: () => void,
): ReadableStream<string> {
  const timers: NodeJS.Timeout[] = [];
  return new ReadableStream<string>({
    start: (controller) => {
      for (const [atMs, piece] of pieces) timers.push(setTimeout(() => controller.enqueue(piece), atMs));
      timers.push(setTimeout(() => controller.close(), pieces.at(-1)?.[0] ?? 0));
    },
    cancel: () => {
      timers.forEach(clearTimeout);
      onCancel?.();
    },
  });
}

/** What comes out, and when. */
async function read(
  pieces: ReadonlyArray<[number, string]>,
  options: Partial<InsertWhenLateOptions<string>> = {},
): Promise<Array<[string, number]>> {
  const began = performance.now();
  const stream = insertWhenLate(timed(pieces), {
    leftMs: () => LATE_MS - (performance.now() - began),
    bridge: async () =>
      timed([
        [10, 'un'],
        [20, 'momento'],
      ]),
    ...options,
  });
  const out: Array<[string, number]> = [];
  const reading = (async () => {
    for await (const piece of stream) out.push([piece, performance.now() - began]);
  })();
  await vi.advanceTimersByTimeAsync(60_000);
  await reading;
  return out;
}

describe('a stream whose beginning is late', () => {
  it.each([
    [
      'in time',
      [
        [1_000, 'a'],
        [5_000, 'b'],
      ],
      ['a', 'b'],
    ],
    [
      'late',
      [
        [3_000, 'a'],
        [3_001, 'b'],
      ],
      ['un', 'momento', 'a', 'b'],
    ],
    ['just when the bridge begins', [[2_005, 'a']], ['a']],
    ['while the bridge is under way', [[2_015, 'a']], ['un', 'momento', 'a']],
    ['empty', [], []],
  ] as const)('%s', async (_when, pieces, expected) => {
    expect((await read(pieces.map(([at, piece]) => [at, piece]))).map(([piece]) => piece)).toEqual(expected);
  });

  it('is bridged when it is late, not before', async () => {
    expect((await read([[9_000, 'a']]))[0]).toEqual(['un', 2_010]);
  });

  it('is not bridged where it may take its time', async () => {
    expect(await read([[9_000, 'a']], { leftMs: () => undefined })).toEqual([['a', 9_000]]);
  });

  it('is not bridged where there is nothing to bridge with, or that fails to begin', async () => {
    expect((await read([[9_000, 'a']], { bridge: async () => null })).map(([piece]) => piece)).toEqual(['a']);
    const fails = async () => Promise.reject(new Error('no voice'));
    expect((await read([[9_000, 'a']], { bridge: fails })).map(([piece]) => piece)).toEqual(['a']);
    const breaks = async () =>
      new ReadableStream<string>({ start: (controller) => controller.error(new Error('no voice')) });
    expect((await read([[9_000, 'a']], { bridge: breaks })).map(([piece]) => piece)).toEqual(['a']);
    const never = new Promise<null>(() => undefined);
    expect((await read([[9_000, 'a']], { bridge: () => never })).map(([piece]) => piece)).toEqual(['a']);
  });

  it('waits on after pieces that do not count', async () => {
    const out = await read(
      [
        [100, '-'],
        [9_000, 'a'],
      ],
      { counts: (piece) => piece !== '-' },
    );
    expect(out.map(([piece]) => piece)).toEqual(['-', 'un', 'momento', 'a']);
  });

  it('loses nothing and changes no order, whenever its pieces come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6_000), { maxLength: 12 }), async (times) => {
        const pieces = times.sort((a, b) => a - b).map((at, index): [number, string] => [at, String(index)]);
        const out = (await read(pieces)).map(([piece]) => piece).filter((piece) => /\d/.test(piece));
        expect(out).toEqual(pieces.map(([, piece]) => piece));
      }),
    );
  });

  it('cancels what it was made of', async () => {
    const cancelled = vi.fn();
    const stream = insertWhenLate(timed([[9_000, 'a']], cancelled), {
      leftMs: () => LATE_MS,
      bridge: async () => null,
    });
    const reader = stream.getReader();
    const reading = reader.read();
    await vi.advanceTimersByTimeAsync(500);
    await reader.cancel();
    await expect(reading).resolves.toMatchObject({ done: true });
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it('fails as its source does', async () => {
    const failing = new ReadableStream<string>({
      start: (controller) => {
        setTimeout(() => controller.error(new Error('gone')), 500);
      },
    });
    const stream = insertWhenLate(failing, { leftMs: () => LATE_MS, bridge: async () => null });
    const failed = expect(stream.getReader().read()).rejects.toThrow('gone');
    await vi.advanceTimersByTimeAsync(1_000);
    await failed;
  });
});
