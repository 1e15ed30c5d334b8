import { describe, expect, it } from 'vitest';
import { pitchOf } from '../../bench/support/pitch.ts';
import { NOISES } from '../../bench/support/sounds.ts';
import { FIXED_PITCH, fixedSpeech, FIXED_SPEECH_SAMPLE_RATE as RATE } from '../support/fixed-engines.ts';

const RISE = 40;
const speech = fixedSpeech(3.5, RISE);
const piece = (seconds: number) => speech.slice(seconds * RATE, (seconds + 0.08) * RATE);

describe('the pitch of the fixed voice', () => {
  it.each([0.1, 0.8, 1.7, 2.5, 3.3])('tells within 20 ms where in its text it is, at %s s', (seconds) => {
    const pitch = pitchOf(piece(seconds), RATE) ?? 0;
    // In the middle of the piece.
    expect(Math.abs((pitch - FIXED_PITCH) / RISE - (seconds + 0.04))).toBeLessThan(0.02);
  });

  it('is not found in silence or in the noise of a fan', () => {
    expect(pitchOf(new Int16Array(0.08 * RATE), RATE)).toBeUndefined();
    expect(
      pitchOf((NOISES['fan noise']?.() ?? new Int16Array()).slice(RATE, 1.08 * RATE), RATE),
    ).toBeUndefined();
  });
});
