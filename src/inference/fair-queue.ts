interface Waiting {
  client: string;
  start: () => void;
}

/**
 * Runs jobs with bounded concurrency. Clients take turns: one that sends many jobs at once waits for its own, not
 * everybody for it. Jobs of one client keep their order.
 */
export class FairQueue {
  /** How many jobs run at once. Raising it starts more at the next {@link run}. */
  concurrency: number;
  readonly #limit: number;
  readonly #lanes = new Map<string, Waiting[]>();
  #running = 0;
  #waiting = 0;

  /** @param options.limit - most jobs that wait; {@link run} throws {@link QueueFullError} beyond it */
  constructor({ concurrency, limit }: { concurrency: number; limit: number }) {
    this.concurrency = concurrency;
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs `job` when it is its turn and gives its result. A job whose signal aborts while it waits never starts.
   *
   * @throws QueueFullError at once, when too many jobs wait already
   * @throws the signal's reason, when it aborts before the job starts
   */
  async run<T>(client: string, signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#running >= this.concurrency || this.#waiting > 0) await this.#turn(client, signal);
    else this.#running += 1;
    try {
      return await job();
    } finally {
      this.#running -= 1;
      this.#startNext();
    }
  }

  #turn(client: string, signal: AbortSignal): Promise<void> {
    if (this.#waiting >= this.#limit) throw new QueueFullError(this.#waiting);
    return new Promise((resolve, reject) => {
      const drop = () => {
        this.#remove(waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        client,
        start: () => {
          signal.removeEventListener('abort', drop);
          resolve();
        },
      };
      signal.addEventListener('abort', drop, { once: true });
      this.#lanes.set(client, [...(this.#lanes.get(client) ?? []), waiting]);
      this.#waiting += 1;
      this.#startNext();
    });
  }

  #remove(waiting: Waiting): void {
    const rest = (this.#lanes.get(waiting.client) ?? []).filter((other) => other !== waiting);
    if (rest.length === 0) this.#lanes.delete(waiting.client);
    else this.#lanes.set(waiting.client, rest);
    this.#waiting -= 1;
  }

  #startNext(): void {
    while (this.#running < this.concurrency) {
      // A Map keeps the order of insertion: the first lane is the client that was served longest ago.
      const [entry] = this.#lanes;
      const [client, lane] = entry ?? [];
      const next = lane?.shift();
      if (client === undefined || lane === undefined || next === undefined) return;
      this.#lanes.delete(client);
      if (lane.length > 0) this.#lanes.set(client, lane);
      this.#waiting -= 1;
      this.#running += 1;
      next.start();
    }
  }
}

/** Thrown by {@link FairQueue.run} instead of letting the queue grow without end. */
export class QueueFullError extends Error {
  readonly waiting: number;

  constructor(waiting: number) {
    super('The queue is full.');
    this.name = 'QueueFullError';
    this.waiting = waiting;
  }
}
