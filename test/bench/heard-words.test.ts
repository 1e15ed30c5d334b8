import { describe, expect, it } from 'vitest';
import { clip, heardWords } from '../../bench/support/heard-words.ts';
import { NOISES, roomNoise } from '../../bench/support/sounds.ts';
import { SPEECH_SAMPLE_RATE as RATE, recordedSpeech } from '../support/recorded-speech.ts';

const speech = recordedSpeech();
const seconds = (from: number, to: number) => speech.slice(from * RATE, to * RATE);
const join = (...parts: Int16Array[]) => Int16Array.from(parts.flatMap((part) => [...part]));
const quiet = (ms: number) => roomNoise((ms / 1000) * RATE);

/** Two different clips, as two parts of one sentence. */
const first = clip('he was not', seconds(0.3, 1.4), RATE, 'He was not.');
const second = clip('an ill-disposed young man', seconds(1.4, 2.8), RATE);

describe('the transcriber of the benchmarks', () => {
  it('writes what it was told that a sound says', () => {
    const heard = join(quiet(300), seconds(1.4, 2.8), quiet(200));
    expect(heardWords(heard, RATE, [first, second])).toBe('an ill-disposed young man');
  });

  it('joins two parts with a pause between them, and writes the first one differently when it is alone', () => {
    const alone = join(quiet(300), seconds(0.3, 1.4), quiet(300));
    expect(heardWords(alone, RATE, [first, second])).toBe('He was not.');
    const both = join(alone, seconds(1.4, 2.8), quiet(200));
    expect(heardWords(both, RATE, [first, second])).toBe('he was not an ill-disposed young man');
  });

  it('writes as many words as it has heard of a clip that goes on', () => {
    const heard = join(quiet(300), seconds(1.4, 2.3));
    expect(heardWords(heard, RATE, [second])).toBe('an ill-disposed');
  });

  it('knows a clip at any loudness and sample rate, and without its first sound', () => {
    const halfRate = seconds(0.4, 1.4).filter((_, at) => at % 2 === 0);
    const softer = halfRate.map((sample) => sample / 2);
    expect(heardWords(softer, RATE / 2, [first, second])).toBe('He was not.');
  });

  it.each(Object.entries(NOISES))('hears no words in %s', (_name, noise) => {
    expect(heardWords(noise(), 24_000, [first, second])).toBe('');
  });

  it('hears nothing in silence', () => {
    expect(heardWords(new Int16Array(RATE), RATE, [first, second])).toBe('');
  });
});
