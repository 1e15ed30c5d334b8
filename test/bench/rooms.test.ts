import { describe, expect, it } from 'vitest';
import { doubledAt } from '../../bench/rooms.ts';

const all = (ms: number, unanswered = 0) => ({ voiceToVoiceMs: [ms, ms, ms], unanswered });

describe('the number of callers at which the p95 doubles', () => {
  it('is the first at which it is twice that of the fewest', () => {
    const measured = new Map([
      [4, all(2_000)],
      [1, all(800)],
      [2, all(1_500)],
      [8, all(1_700)],
    ]);
    expect(doubledAt(measured)).toBe(4);
  });

  it('is where callers get no answer, however fast the others are', () => {
    const measured = new Map([
      [1, all(800)],
      [2, all(800, 1)],
    ]);
    expect(doubledAt(measured)).toBe(2);
  });

  it('is unknown where it never does', () => {
    expect(
      doubledAt(
        new Map([
          [1, all(800)],
          [2, all(1_599)],
        ]),
      ),
    ).toBeUndefined();
    expect(doubledAt(new Map())).toBeUndefined();
  });
});
