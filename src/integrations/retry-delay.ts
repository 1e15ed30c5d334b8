const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** ms */
const DELAYS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
] as const;
const LONGEST = 4 * HOUR;
/** Receivers that come back are not met by everything at once. */
const JITTER = 0.2;

/** How long a webhook is tried before it is given up, ms: over a weekend that nobody looks. */
export const GIVE_UP_AFTER_MS = 72 * HOUR;

/**
 * How long to wait after a failed attempt to deliver a webhook: from seconds to hours, a fifth more or less.
 *
 * @param attempts - made so far, from 1
 * @param retryAfterMs - what the receiver asked for; it is given no less, up to the longest
 * @param random - 0 to 1
 * @returns ms
 */
export function retryDelay(attempts: number, retryAfterMs = 0, random = Math.random()): number {
  const delay = DELAYS[attempts - 1] ?? LONGEST;
  return Math.max(delay * (1 - JITTER + 2 * JITTER * random), Math.min(retryAfterMs, LONGEST));
}
