import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/web/api/backoff.ts';

describe('the wait before another attempt', () => {
  it('doubles from one second up to thirty', () => {
    const waits = [0, 1, 2, 3, 4, 5, 9].map((attempt) => backoffMs(attempt, 0, () => 0.5));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('is spread by a quarter to both sides', () => {
    expect(backoffMs(2, 0, () => 0)).toBe(3_000);
    expect(backoffMs(2, 0, () => 1)).toBe(5_000);
  });

  it('is never shorter than the server asked for', () => {
    expect(backoffMs(0, 12_000, () => 0.5)).toBe(12_000);
    expect(backoffMs(5, 2_000, () => 0.5)).toBe(30_000);
  });
});
