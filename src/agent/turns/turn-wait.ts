import type { TurnShape } from './turn-shape.ts';

/** The shortest wait, ms: the VAD needs 250 ms of it to hear that speech has ended. */
export const SHORTEST_WAIT_MS = 300;
/** The longest, ms. */
export const LONGEST_WAIT_MS = 1_500;
/** For words that hang in the air, ms. */
const OPEN_MS = 1_200;
/** Where nothing but the full stop says that it is over, the audio model may say that it is. */
const SURE = 0.5;
/**
 * Under this, the audio model has heard that the caller goes on. Between the two it says little: on synthetic Spanish
 * its medians are 0.24 in the middle of a sentence and 0.29 at its end.
 */
const GOES_ON = 0.15;
/** More patience after each turn that was taken too early, ms. */
const AFTER_CUT_MS = 150;

/**
 * How long to wait for the caller to go on, in ms from the end of their speech.
 *
 * @param options.shape - what the words say
 * @param options.probability - what the audio model says, 0 to 1; undefined while it has not answered
 * @param options.typicalMs - a wait that bridges most of the caller's pauses
 * @param options.cutShort - how many of the latest turns were taken too early
 */
export function turnWait(options: {
  shape: TurnShape;
  probability: number | undefined;
  typicalMs: number;
  cutShort: number;
}): number {
  const { shape, probability = (SURE + GOES_ON) / 2, typicalMs, cutShort } = options;
  const goesOn = probability < GOES_ON;
  const shortest = SHORTEST_WAIT_MS + AFTER_CUT_MS * (Math.min(2, cutShort) + Number(goesOn));
  return Math.min(LONGEST_WAIT_MS, Math.max(shortest, Math.round(byShape())));

  function byShape(): number {
    if (shape === 'complete') return SHORTEST_WAIT_MS;
    if (shape === 'dictation') return LONGEST_WAIT_MS;
    if (shape === 'open') return Math.max(OPEN_MS, 1.4 * typicalMs);
    if (goesOn) return 1.4 * typicalMs;
    if (shape === 'unsure') return 1.2 * typicalMs;
    return probability >= SURE ? 0.6 * typicalMs : typicalMs;
  }
}
