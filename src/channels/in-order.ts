/** Pieces of sound that wait for one that is missing: 100 ms of 20 ms each. */
const MOST_WAITING = 5;
/** A number so far behind is not late: the stream counts anew. */
const COUNTS_ANEW = 50;

/**
 * Brings numbered pieces of sound into their order. A piece that came before, or too late, is dropped; one that is missing is
 * waited for until five others are there. Nothing else is kept.
 *
 * @param take - gets each piece in order
 * @returns takes a piece and its number, which grows by one from piece to piece
 */
export function inOrder<T>(take: (piece: T) => void): (number: number, piece: T) => void {
  const waiting = new Map<number, T>();
  let next: number | undefined;
  const takeWaiting = () => {
    for (; next !== undefined && waiting.has(next); next += 1) {
      const piece = waiting.get(next) as T;
      waiting.delete(next);
      take(piece);
    }
  };
  return (number, piece) => {
    next ??= number;
    if (number < next - COUNTS_ANEW) {
      waiting.clear();
      next = number;
    }
    if (number < next) return;
    waiting.set(number, piece);
    takeWaiting();
    if (waiting.size < MOST_WAITING) return;
    next = Math.min(...waiting.keys());
    takeWaiting();
  };
}
