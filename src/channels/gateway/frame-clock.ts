import { FRAME_MS } from '../line.ts';

/** Frames that are made up for when the process was busy; of a longer pause the rest is left out. */
const MOST_AT_ONCE = 5;

/**
 * Calls everybody who wants a frame, each {@link FRAME_MS}: one timer for all calls. Each time is counted from the first,
 * by the machine's monotonic clock, so that a timer that comes late moves no later one. Runs only while somebody listens.
 */
export class FrameClock {
  readonly #listeners = new Set<() => void>();
  readonly #onTick: (lateMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the next frame is due, ms of `performance.now()`. */
  #dueMs = 0;

  /** @param onTick - hears how much too late each time came */
  constructor(onTick: (lateMs: number) => void = () => undefined) {
    this.#onTick = onTick;
  }

  /** @returns ends it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#dueMs = performance.now() + FRAME_MS;
      this.#wait();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  #wait(): void {
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#dueMs - performance.now()));
  }

  #tick(): void {
    const lateMs = Math.max(0, performance.now() - this.#dueMs);
    this.#onTick(lateMs);
    const due = 1 + Math.floor(lateMs / FRAME_MS);
    this.#dueMs += due * FRAME_MS;
    for (let frame = 0; frame < Math.min(due, MOST_AT_ONCE); frame += 1) {
      for (const listener of this.#listeners) listener();
    }
    if (this.#listeners.size > 0) this.#wait();
  }
}
