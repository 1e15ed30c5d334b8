/** Longer than the pauses between words and clauses; shorter than any answer to an interruption takes to come. */
export const STOP_SILENCE_MS = 500;

/** As much of a caller's ears as is needed here. */
export interface Ears {
  /** ms of `performance.now()`. */
  firstSoundAfter(moment: number): number | undefined;
}

/**
 * The longest time without a sound between two moments, both in ms of `performance.now()`.
 *
 * @returns where it began and how long it was
 */
export function longestSilence(ears: Ears, from: number, to: number): { at: number; ms: number } {
  let longest = { at: from, ms: 0 };
  for (let last = from; ; ) {
    const next = Math.min(to, ears.firstSoundAfter(last + 0.001) ?? to);
    if (next - last > longest.ms) longest = { at: last, ms: next - last };
    if (next >= to) return longest;
    last = next;
  }
}

/**
 * When the agent went quiet: its last sound from `since` on that silence followed.
 *
 * @param since - a moment at which the agent was speaking, ms of `performance.now()`
 * @param now - as `performance.now()`
 * @param silenceMs - @defaultValue 500
 * @returns undefined while it still speaks, or has not been silent for long enough
 */
export function lastSoundBeforeSilence(
  ears: Ears,
  since: number,
  now = performance.now(),
  silenceMs = STOP_SILENCE_MS,
): number | undefined {
  let last = since;
  for (;;) {
    const next = ears.firstSoundAfter(last + 0.001);
    if ((next ?? now) - last > silenceMs) return last;
    if (next === undefined) return undefined;
    last = next;
  }
}
