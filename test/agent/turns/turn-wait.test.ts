import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_WAIT_MS, SHORTEST_WAIT_MS, turnWait } from '../../../src/agent/turns/turn-wait.ts';

const SHAPES = ['complete', 'stopped', 'unsure', 'open', 'dictation'] as const;

describe('the wait for the end of a turn', () => {
  it.each([
    ['complete', 0.3, 700, 0, 300],
    ['complete', undefined, 700, 0, 300],
    ['complete', 0.9, 1_200, 0, 300],
    ['complete', 0.1, 700, 0, 450],
    ['complete', 0.3, 700, 1, 450],
    ['complete', 0.3, 700, 3, 600],
    ['stopped', 0.3, 700, 0, 700],
    ['stopped', undefined, 700, 0, 700],
    ['stopped', 0.6, 700, 0, 420],
    ['stopped', 0.6, 700, 2, 600],
    ['stopped', 0.05, 700, 0, 980],
    ['stopped', 0.3, 650, 0, 650],
    ['stopped', 0.3, 1_200, 0, 1_200],
    ['unsure', 0.3, 700, 0, 840],
    ['unsure', 0.9, 700, 0, 840],
    ['open', 0.3, 700, 0, 1_200],
    ['open', 0.9, 700, 0, 1_200],
    ['open', 0.3, 1_000, 0, 1_400],
    ['open', 0.3, 1_200, 0, 1_500],
    ['dictation', 0.9, 650, 0, 1_500],
  ] as const)('%s, model %s, pauses of %s, cut short %s times: %s ms', (...row) => {
    const [shape, probability, typicalMs, cutShort, expected] = row;
    expect(turnWait({ shape, probability, typicalMs, cutShort })).toBe(expected);
  });

  it('is bounded, grows with the pauses of the caller, and is shortest for a complete turn', () => {
    const given = fc.record({
      probability: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      typicalMs: fc.integer({ min: 650, max: 1_200 }),
      cutShort: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), given, (shape, one) => {
        const wait = turnWait({ shape, ...one });
        expect(wait).toBeGreaterThanOrEqual(SHORTEST_WAIT_MS);
        expect(wait).toBeLessThanOrEqual(LONGEST_WAIT_MS);
        expect(turnWait({ shape, ...one, typicalMs: 1_200 })).toBeGreaterThanOrEqual(wait);
        expect(turnWait({ shape: 'complete', ...one })).toBeLessThanOrEqual(wait);
      }),
    );
  });
});
