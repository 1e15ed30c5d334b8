/** A terminal's Ctrl-C arrives once from the terminal and once more relayed by tsx or npm. */
const SAME_REQUEST_MS = 500;

export interface StopSignal {
  /** Aborted at the first request to stop. */
  signal: AbortSignal;
  /** Called at the second one. */
  onForce: (listener: () => void) => void;
}

/**
 * Turns SIGINT, SIGTERM, SIGHUP, a closed terminal, and the death of the tsx that runs us, into one request to stop; a
 * second signal is one to stop at once.
 */
export function listenForStop(): StopSignal {
  const stopping = new AbortController();
  const forced = new EventTarget();
  let firstAt = 0;
  const request = (): void => {
    const now = Date.now();
    if (!stopping.signal.aborted) {
      firstAt = now;
      stopping.abort(new Error('stopped'));
    } else if (now - firstAt > SAME_REQUEST_MS) {
      forced.dispatchEvent(new Event('force'));
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
  // A terminal that was closed cannot be written to any more; the processes must be ended all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stopping.abort());
  if (process.connected) process.once('disconnect', request);
  return {
    signal: stopping.signal,
    onForce: (listener) => forced.addEventListener('force', listener),
  };
}
