import { describe, expect, it } from 'vitest';
import { lastSoundBeforeSilence, longestSilence } from '../../bench/support/last-sound.ts';

/** Somebody who heard a frame of sound at each of these moments. */
const heard = (...moments: number[]) => ({
  firstSoundAfter: (moment: number) => moments.find((at) => at >= moment),
});

describe('when the agent stopped', () => {
  it('is its last sound before half a second of silence', () => {
    expect(lastSoundBeforeSilence(heard(0, 200, 400), 100, 1_000)).toBe(400);
  });

  it('passes over pauses between words', () => {
    expect(lastSoundBeforeSilence(heard(0, 200, 650, 900), 100, 2_000)).toBe(900);
  });

  it('is not known while it speaks, or has only just stopped', () => {
    expect(lastSoundBeforeSilence(heard(0, 200, 400), 100, 700)).toBeUndefined();
  });

  it('is before the answer that comes after the silence', () => {
    expect(lastSoundBeforeSilence(heard(0, 200, 400, 1_500, 1_700), 100, 5_000)).toBe(400);
  });

  it('is the moment of the question itself where nothing came after it', () => {
    expect(lastSoundBeforeSilence(heard(0, 90), 100, 1_000)).toBe(100);
  });
});

describe('the longest silence', () => {
  it('is between two sounds, and has a beginning', () => {
    expect(longestSilence(heard(0, 20, 40, 640, 660, 700), 0, 700)).toEqual({ at: 40, ms: 600 });
  });

  it('may be before the first sound or after the last', () => {
    expect(longestSilence(heard(500, 520), 0, 600)).toEqual({ at: 0, ms: 500 });
    expect(longestSilence(heard(20, 40), 0, 900)).toEqual({ at: 40, ms: 860 });
  });
});
