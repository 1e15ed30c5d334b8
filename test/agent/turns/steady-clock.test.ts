import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useSteadyClock } from '../../../src/agent/turns/steady-clock.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the clock of a call', () => {
  it('goes on as time passes, however the clock of the machine is set', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ passes: fc.nat(10_000), jump: fc.integer({ min: -1e9, max: 1e9 }) })),
        (steps) => {
          const giveBack = useSteadyClock();
          try {
            const began = Date.now();
            let passed = 0;
            for (const { passes, jump } of steps) {
              vi.advanceTimersByTime(passes);
              vi.setSystemTime((vi.getMockedSystemTime()?.getTime() ?? 0) + jump);
              passed += passes;
              expect(Math.abs(Date.now() - began - passed)).toBeLessThanOrEqual(1);
            }
          } finally {
            giveBack();
          }
        },
      ),
    );
  });

  it('begins at the time of the machine, and gives it back', () => {
    const now = Date.now();
    const giveBack = useSteadyClock();
    expect(Date.now()).toBe(now);
    vi.setSystemTime(now + 5_000);
    giveBack();
    expect(Date.now()).toBe(now + 5_000);
  });
});
