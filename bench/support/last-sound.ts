/** Longer than the pauses between words and clauses; shorter than any answer to an interruption takes to come. */
export const STOP_SILENCE_MS = 500;

/** As much of a caller's ears as is needed here. */
export interface Ears {
  /** ms of `performance.now()`. */
  firstSoundAfter(moment: number): number | undefined;
}

/**
 * When the agent went quiet: its last sound from `since` on that {@link STOP_SILENCE_MS} of silence followed.
 *
 * @param since - a moment at which the agent was speaking, ms of `performance.now()`
 * @param now - as `performance.now()`
 * @returns undefined while it still speaks, or has not been silent for long enough
 */
export function lastSoundBeforeSilence(
  ears: Ears,
  since: number,
  now = performance.now(),
): number | undefined {
  let last = since;
  for (;;) {
    const next = ears.firstSoundAfter(last + 0.001);
    if ((next ?? now) - last > STOP_SILENCE_MS) return last;
    if (next === undefined) return undefined;
    last = next;
  }
}
