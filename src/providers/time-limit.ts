/**
 * A limit for each wait of a request: aborts its signal when one takes longer. The client library's own `timeout` ends
 * with the response's headers, and between tries it waits as long as the server's `Retry-After` says; a caller can't.
 */
export class TimeLimit {
  /** Aborted when the limit is exceeded or `outer` is. */
  readonly signal: AbortSignal;
  readonly ms: number;
  readonly #exceeded = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** Starts to count. Whoever makes one calls {@link stop} when the wait is over. */
  constructor(ms: number, outer?: AbortSignal) {
    this.ms = ms;
    this.signal =
      outer === undefined ? this.#exceeded.signal : AbortSignal.any([outer, this.#exceeded.signal]);
    this.restart();
  }

  get exceeded(): boolean {
    return this.#exceeded.signal.aborted;
  }

  restart(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#exceeded.abort(), this.ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
