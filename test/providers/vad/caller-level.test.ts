import { describe, expect, it } from 'vitest';
import { CallerLevel } from '../../../src/providers/vad/caller-level.ts';

const WINDOW_MS = 32;

function hear(caller: CallerLevel, level: number, ms: number, speech: boolean): void {
  for (let heard = 0; heard < ms; heard += WINDOW_MS) caller.hear(level, WINDOW_MS, speech);
}

/** The level of a caller who has spoken for some seconds. */
function known(level: number): CallerLevel {
  const caller = new CallerLevel();
  hear(caller, level, 3_000, true);
  return caller;
}

describe('CallerLevel', () => {
  it('is not known from one word', () => {
    const caller = new CallerLevel();
    hear(caller, -25, 400, true);
    expect(caller.level).toBeUndefined();
  });

  it('is not known from noise', () => {
    const caller = new CallerLevel();
    hear(caller, -25, 5_000, false);
    expect(caller.level).toBeUndefined();
  });

  it('is near the loud syllables', () => {
    const caller = new CallerLevel();
    for (let syllable = 0; syllable < 20; syllable += 1) {
      hear(caller, -24, 128, true);
      hear(caller, -32, 128, true);
    }
    expect(caller.level).toBeGreaterThan(-27);
    expect(caller.level).toBeLessThan(-23);
  });

  it('follows a caller who speaks louder within half a second, and one who speaks softer within ten', () => {
    const louder = known(-30);
    hear(louder, -20, 500, true);
    expect(louder.level).toBeCloseTo(-20, 0);
    const softer = known(-20);
    hear(softer, -28, 10_000, true);
    expect(softer.level).toBeCloseTo(-28, 0);
  });

  it('is not pulled down by a much softer voice in the caller’s pauses', () => {
    const caller = known(-20);
    hear(caller, -40, 2_000, true);
    expect(caller.level).toBeGreaterThan(-22);
  });

  it('counts a little less with each second of silence, and is forgotten after twenty', () => {
    const caller = known(-20);
    hear(caller, -70, 10_000, false);
    expect(caller.level).toBeLessThan(-22);
    expect(caller.level).toBeGreaterThan(-25);
    hear(caller, -70, 11_000, false);
    expect(caller.level).toBeUndefined();
  });
});
