/** What is remembered at a time; beyond it nothing new is taken. */
const MOST = 50_000;

/** What was used once, and cannot be used again. */
export interface Once {
  /** @param expiresAt - when it could not be used any more anyway, ms since the epoch @returns whether it is new */
  use(thing: string, expiresAt: number): boolean;
  /** It did not work, and may be used again. */
  giveBack(thing: string): void;
}

/** @param most - how much is remembered; beyond it everything counts as used */
export function createOnce(most = MOST): Once {
  const used = new Map<string, number>();
  return {
    use(thing, expiresAt) {
      const now = Date.now();
      for (const [old, end] of used) {
        // In the order in which they came, which is about that in which they expire.
        if (end > now) break;
        used.delete(old);
      }
      if (used.has(thing) || used.size >= most) return false;
      used.set(thing, expiresAt);
      return true;
    },
    giveBack: (thing) => {
      used.delete(thing);
    },
  };
}
