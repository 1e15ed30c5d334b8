import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentile, summarise } from '../../bench/support/percentiles.ts';

const values = fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('percentile', () => {
  it('is the value in the middle, or between the two in the middle', () => {
    expect(percentile([5, 1, 3], 0.5)).toBe(3);
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
  });

  it('interpolates as NumPy does', () => {
    const tenToHundred = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    expect(percentile(tenToHundred, 0.95)).toBeCloseTo(95.5, 10);
    expect(percentile(tenToHundred, 0.25)).toBeCloseTo(32.5, 10);
  });

  it('is the smallest at 0 and the largest at 1', () => {
    fc.assert(
      fc.property(values, (all) => {
        expect(percentile(all, 0)).toBe(Math.min(...all));
        expect(percentile(all, 1)).toBe(Math.max(...all));
      }),
    );
  });

  it('lies between the smallest and the largest, and grows with the share', () => {
    fc.assert(
      fc.property(values, share, share, (all, one, other) => {
        const low = percentile(all, Math.min(one, other)) ?? Number.NaN;
        const high = percentile(all, Math.max(one, other)) ?? Number.NaN;
        expect(low).toBeGreaterThanOrEqual(Math.min(...all));
        expect(high).toBeLessThanOrEqual(Math.max(...all));
        expect(high - low).toBeGreaterThanOrEqual(-1e-6);
      }),
    );
  });

  it('leaves the order of what it is given', () => {
    const given = [3, 1, 2];
    percentile(given, 0.5);
    expect(given).toEqual([3, 1, 2]);
  });
});

describe('a summary', () => {
  it('has number, smallest, p50, p95 and largest', () => {
    expect(summarise([40, 20, 10, 30, 50])).toEqual({ n: 5, min: 10, p50: 30, p95: 48, max: 50 });
  });

  it('is not there without values', () => {
    expect(summarise([])).toBeUndefined();
  });
});
