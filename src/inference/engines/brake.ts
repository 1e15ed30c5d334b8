/** All that one piece of work may be held, ms: whoever holds it may have died. */
const LONGEST_HOLD_MS = 2_000;

/** Lets work that goes step by step be held between two steps. */
export class Brake {
  #held: { released: Promise<void>; release: () => void } | undefined;
  #leftMs = LONGEST_HOLD_MS;

  hold(on: boolean): void {
    if (!on) {
      this.#held?.release();
      return;
    }
    if (this.#held !== undefined || this.#leftMs <= 0) return;
    let open = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      open = resolve;
    });
    const since = performance.now();
    const release = () => {
      clearTimeout(limit);
      this.#leftMs -= performance.now() - since;
      this.#held = undefined;
      open();
    };
    const limit = setTimeout(release, this.#leftMs);
    this.#held = { released, release };
  }

  /** Resolves when the work may go on. */
  async goAhead(): Promise<void> {
    await this.#held?.released;
  }
}
