import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NoiseFloor } from '../../../src/providers/vad/noise-floor.ts';

const WINDOW_MS = 32;

/** A floor that has heard pieces of sound: each so loud, dB, for so many ms. */
function floorAfter(...pieces: [level: number, ms: number][]): NoiseFloor {
  const floor = new NoiseFloor();
  for (const [level, ms] of pieces) {
    for (let heard = 0; heard < ms; heard += WINDOW_MS) floor.hear(level, WINDOW_MS);
  }
  return floor;
}

describe('NoiseFloor', () => {
  it('is not known from the first sounds of a call', () => {
    const floor = floorAfter([-40, 300]);
    expect(floor.level).toBe(Number.NEGATIVE_INFINITY);
    expect(floor.above).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the level of noise that is always there', () => {
    const floor = floorAfter([-40, 1_000]);
    expect(floor.level).toBeCloseTo(-40, 1);
    expect(floor.above).toBeCloseTo(0, 1);
  });

  it('stays below somebody who talks on and on', () => {
    const syllables = Array.from({ length: 20 }, (): [number, number][] => [
      [-20, 256],
      [-60, 160],
    ]).flat();
    const floor = floorAfter([-60, 1_000], ...syllables);
    expect(floor.level).toBeLessThan(-30);
    expect(floor.above).toBeLessThan(12);
    floor.hear(-20, WINDOW_MS);
    expect(floor.above).toBeGreaterThan(5);
  });

  it('is learned anew within two seconds when the noise grows', () => {
    expect(floorAfter([-60, 5_000], [-35, 1_000]).level).toBeCloseTo(-60, 0);
    expect(floorAfter([-60, 5_000], [-35, 2_000]).level).toBeCloseTo(-35, 0);
  });

  it('falls at once when the noise is over', () => {
    expect(floorAfter([-35, 5_000], [-60, 256]).level).toBeLessThan(-50);
  });

  it('lies between the quietest and the loudest that was heard', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -100, max: 0 }), { minLength: 20, maxLength: 200 }),
        (levels) => {
          const floor = floorAfter(...levels.map((level): [number, number] => [level, WINDOW_MS]));
          expect(floor.level).toBeGreaterThanOrEqual(Math.min(...levels) - 1e-6);
          expect(floor.level).toBeLessThanOrEqual(Math.max(...levels) + 1e-6);
          expect(floor.above).toBeGreaterThanOrEqual(-1e-6);
        },
      ),
    );
  });
});
