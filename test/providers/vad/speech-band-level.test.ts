import { describe, expect, it } from 'vitest';
import { SpeechBandLevel } from '../../../src/providers/vad/speech-band-level.ts';

/** The level of a second of a tone whose RMS is -20 dB of full scale, after the filters have settled. */
function levelOf(frequency: number, sampleRate = 16_000): number {
  const amplitude = 32_768 * 10 ** (-20 / 20) * Math.SQRT2;
  const tone = Int16Array.from({ length: sampleRate }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * frequency * index) / sampleRate)),
  );
  const meter = new SpeechBandLevel(sampleRate);
  meter.measure(tone);
  return meter.measure(tone);
}

describe('SpeechBandLevel', () => {
  it('tells the level of what lies in the band of voices', () => {
    for (const frequency of [400, 1_000, 2_000]) expect(levelOf(frequency)).toBeCloseTo(-20, 0);
  });

  it('does not hear the rumble of a car or the hiss of a microphone', () => {
    expect(levelOf(50)).toBeLessThan(-40);
    expect(levelOf(7_000)).toBeLessThan(-40);
  });

  it('tells the same level at the sample rates of telephones and browsers', () => {
    for (const sampleRate of [8_000, 24_000, 48_000]) {
      expect(levelOf(1_000, sampleRate)).toBeCloseTo(levelOf(1_000), 0);
    }
  });

  it('has a level for digital silence', () => {
    expect(new SpeechBandLevel(16_000).measure(new Int16Array(512))).toBe(-100);
    expect(new SpeechBandLevel(16_000).measure(new Int16Array(0))).toBe(-100);
  });
});
