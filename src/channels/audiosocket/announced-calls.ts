/** What a switchboard says of a call before it connects it. */
export interface AnnouncedCall {
  caller: string | null;
  called: string | null;
  profile?: string | undefined;
  dataTools?: Record<string, unknown> | undefined;
}

/** A dialplan connects a call in the step after that which announces it. */
export const ANNOUNCED_SECONDS = 2 * 60;
const MOST_ANNOUNCED = 1_000;

/**
 * Calls that a switchboard has announced and not connected yet, by their UUID: AudioSocket itself carries nothing else. In
 * memory: it announces a call to the process that it connects it to.
 */
export class AnnouncedCalls {
  readonly #calls = new Map<string, { call: AnnouncedCall; untilMs: number }>();

  /** Keeps it for two minutes; of more than a thousand, the oldest is forgotten. */
  add(id: string, call: AnnouncedCall): void {
    const key = id.toLowerCase();
    this.#calls.delete(key);
    for (const [old, { untilMs }] of this.#calls) {
      if (untilMs > performance.now() && this.#calls.size < MOST_ANNOUNCED) break;
      this.#calls.delete(old);
    }
    this.#calls.set(key, { call, untilMs: performance.now() + ANNOUNCED_SECONDS * 1000 });
  }

  /** Once. @returns undefined for a call that nobody announced */
  take(id: string): AnnouncedCall | undefined {
    const found = this.#calls.get(id);
    this.#calls.delete(id);
    return found !== undefined && found.untilMs > performance.now() ? found.call : undefined;
  }
}
