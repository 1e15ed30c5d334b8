const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/**
 * How long to wait before trying again: doubles from one second to thirty, spread by ±25 % so that many pages
 * do not come back at the same instant.
 *
 * @param attempt - failures so far in a row, from 0
 * @param retryAfterMs - what the server asked for; never come earlier than that
 * @param random - from 0 to 1
 * @returns delay in ms
 */
export function backoffMs(attempt: number, retryAfterMs = 0, random: () => number = Math.random): number {
  const doubled = Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS);
  return Math.round(Math.max(doubled * (0.75 + random() / 2), retryAfterMs));
}
