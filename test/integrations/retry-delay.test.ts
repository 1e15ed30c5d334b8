import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GIVE_UP_AFTER_MS, retryDelay } from '../../src/integrations/retry-delay.ts';

const attempts = fc.integer({ min: 1, max: 200 });
const random = fc.double({ min: 0, max: 1, noNaN: true });
const HOUR = 3_600_000;

it('waits seconds first and hours at last, never more than five', () => {
  expect(retryDelay(1, 0, 0.5)).toBe(5_000);
  expect(retryDelay(50, 0, 0.5)).toBe(4 * HOUR);
  fc.assert(
    fc.property(attempts, random, (made, chance) => {
      const delay = retryDelay(made, 0, chance);
      expect(delay).toBeGreaterThanOrEqual(4_000);
      expect(delay).toBeLessThanOrEqual(5 * HOUR);
      expect(retryDelay(made + 1, 0, chance)).toBeGreaterThanOrEqual(delay);
    }),
  );
});

it('gives a receiver the time that it asks for, up to the longest wait', () => {
  fc.assert(
    fc.property(attempts, random, fc.integer({ min: 0, max: 1_000 * HOUR }), (made, chance, asked) => {
      const delay = retryDelay(made, asked, chance);
      expect(delay).toBeGreaterThanOrEqual(Math.min(asked, 4 * HOUR));
      expect(delay).toBeLessThanOrEqual(5 * HOUR);
    }),
  );
});

it('tries often enough before it gives up', () => {
  let time = 0;
  let made = 0;
  while (time < GIVE_UP_AFTER_MS) {
    made += 1;
    time += retryDelay(made, 0, 1);
  }
  expect(made).toBeGreaterThan(15);
});
