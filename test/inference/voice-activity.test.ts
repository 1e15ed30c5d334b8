import { describe, expect, it } from 'vitest';
import { speechSpans } from '../../src/inference/engines/voice-activity.ts';

const WINDOW = 512;
const LONGEST = 28 * 16_000;
/** Probabilities of speech, one for 32 ms: so many windows of each. */
const heard = (...parts: [windows: number, probability: number][]) =>
  parts.flatMap(([windows, probability]) => Array<number>(windows).fill(probability));

describe('speechSpans', () => {
  it('finds nothing in silence', () => {
    expect(speechSpans(heard([100, 0.05]), LONGEST)).toEqual([]);
  });

  it('leaves a quarter of a second around what is said', () => {
    expect(speechSpans(heard([50, 0], [20, 0.9], [50, 0]), LONGEST)).toEqual([
      { start: 42 * WINDOW, end: 78 * WINDOW },
    ]);
  });

  it('keeps a short silence, and leaves a long one out', () => {
    expect(speechSpans(heard([20, 0.9], [20, 0], [20, 0.9]), LONGEST)).toHaveLength(1);
    expect(speechSpans(heard([20, 0.9], [60, 0], [20, 0.9]), LONGEST)).toHaveLength(2);
  });

  it('goes on through softer sounds of a word', () => {
    expect(speechSpans(heard([5, 0], [10, 0.4], [40, 0.2]), LONGEST)).toEqual([
      { start: 0, end: 55 * WINDOW },
    ]);
  });

  it('cuts what is too long where speech is least likely, and loses nothing', () => {
    const spans = speechSpans(heard([90, 0.9], [1, 0.3], [60, 0.9]), 100 * WINDOW);
    expect(spans).toEqual([
      { start: 0, end: 91 * WINDOW },
      { start: 91 * WINDOW, end: 151 * WINDOW },
    ]);
  });
});
