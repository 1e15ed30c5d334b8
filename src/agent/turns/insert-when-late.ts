import { ReadableStream } from 'node:stream/web';

export interface InsertWhenLateOptions<T> {
  /** Time left until the first piece is late, ms; undefined: it may take as long as it likes. */
  leftMs: () => number | undefined;
  /** What bridges the wait; null: nothing does. */
  bridge: () => Promise<ReadableStream<T> | null>;
  /** Whether a piece ends the wait; those that do not pass through. */
  counts?: (piece: T) => boolean;
}

/**
 * A stream whose first piece may be late: then something else goes before it. What bridges the wait is played to its end
 * once it has begun, and dropped when the first piece overtakes it or it fails.
 *
 * @param source - cancelled with the stream that is returned
 */
export function insertWhenLate<T>(
  source: ReadableStream<T>,
  { leftMs, bridge, counts = () => true }: InsertWhenLateOptions<T>,
): ReadableStream<T> {
  const reader = source.getReader();
  const cancelled = new AbortController();
  const pieces = withBridge();
  return new ReadableStream<T>({
    pull: async (controller) => {
      const { done, value } = await pieces.next();
      if (cancelled.signal.aborted) return;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async (reason) => {
      cancelled.abort();
      await reader.cancel(reason);
    },
  });

  async function* withBridge(): AsyncGenerator<T, undefined> {
    let waiting = true;
    for (;;) {
      const next = reader.read();
      if (waiting && (await isLate(next))) {
        waiting = false;
        yield* bridging(next);
      }
      const { done, value } = await next;
      if (done) return undefined;
      if (counts(value)) waiting = false;
      yield value;
    }
  }

  async function isLate(next: Promise<unknown>): Promise<boolean> {
    const left = leftMs();
    if (left === undefined) return false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, left), true);
    });
    return Promise.race([next.then(() => false), late]).finally(() => clearTimeout(timer));
  }

  async function* bridging(next: Promise<unknown>): AsyncGenerator<T, void> {
    const overtaken = next.then(() => undefined);
    // A bridge that fails is none: what it was to bridge may still come.
    const stream = bridge().catch(() => null);
    const bridged = (await Promise.race([stream, overtaken]))?.getReader();
    if (bridged === undefined) {
      void stream.then((late) => late?.cancel()).catch(() => undefined);
      return;
    }
    const read = () => bridged.read().catch(() => ({ done: true as const, value: undefined }));
    const first = await Promise.race([read(), overtaken]);
    if (first === undefined || cancelled.signal.aborted) {
      await bridged.cancel();
      return;
    }
    for (let piece = first; !piece.done; piece = await read()) yield piece.value;
  }
}
