export interface EveryOptions {
  /** Hears of what went wrong; the next time comes all the same. */
  onError(error: unknown): void;
  /** Whether the first time is now, and not after the first interval. */
  atOnce?: boolean;
}

/**
 * Runs something every so many milliseconds, one run at a time: what is due while one still runs is left out. Keeps no
 * process alive.
 *
 * @returns ends it, and waits for the run that is not over
 */
export function every(
  ms: number,
  run: () => Promise<unknown>,
  { onError, atOnce = false }: EveryOptions,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  const runOnce = async () => {
    try {
      await run();
    } catch (error) {
      onError(error);
    }
  };
  const begin = () => {
    running ??= runOnce().finally(() => {
      running = undefined;
    });
  };
  const timer = setInterval(begin, ms).unref();
  if (atOnce) begin();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
