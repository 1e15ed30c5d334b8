import { describe, expect, it } from 'vitest';
import { NOISES, ROOM_NOISE_DB, roomNoise, withPause } from '../../bench/support/sounds.ts';
import { CALLER_SAMPLE_RATE, levelDb } from '../support/caller.ts';

describe('noises of a room', () => {
  it.each(Object.entries(NOISES))('%s is the same in every run, loud, and not clipped', (_name, make) => {
    const pcm = make();
    expect(pcm).toEqual(make());
    expect(levelDb(pcm)).toBeGreaterThan(-40);
    expect(pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)).toBeLessThan(0.5 * 32_768);
    expect(pcm.length).toBeLessThanOrEqual(1.5 * CALLER_SAMPLE_RATE);
  });

  it('room noise is as soft as a quiet room', () => {
    expect(levelDb(roomNoise(CALLER_SAMPLE_RATE))).toBeCloseTo(ROOM_NOISE_DB, 0);
  });
});

describe('a sentence with a pause', () => {
  const part = new Int16Array(2_400).fill(8_000);

  it('has both parts, and between them noise and never digital silence', () => {
    const pcm = withPause(part, part, 300);
    expect(pcm).toHaveLength(2 * 2_400 + 0.3 * CALLER_SAMPLE_RATE);
    const pause = pcm.subarray(2_400, -2_400);
    expect(levelDb(pause)).toBeCloseTo(ROOM_NOISE_DB, 0);
    for (const end of [pcm.subarray(0, 2_400), pcm.subarray(-2_400)])
      expect(levelDb(end)).toBeCloseTo(levelDb(part), 0);
  });
});
