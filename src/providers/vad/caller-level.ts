/** How fast the level follows louder and softer speech: ms of speech. Syllables, not the gaps between them, are the level. */
const RISE_MS = 60;
const FALL_MS = 3_000;
/** What is so much softer, dB, says nothing of the level: it is the end of a word, or somebody else in a pause. */
const SOFT_DB = 10;
/** Speech that makes a level known: one word is not enough to shut others out. */
const LEAST_MS = 600;
/** Who has not spoken for so long may come back from further away, or hand the phone to somebody else. */
const FORGOTTEN_MS = 20_000;
/** Until then the level is trusted a little less each second, dB. */
const FADE_PER_S = 0.3;

/** How loud the caller usually speaks, as long as that is fresh. Counted in sound, not by the clock. */
export class CallerLevel {
  #level = 0;
  #spokenMs = 0;
  #silentMs = 0;

  /**
   * @param level - of the next piece of sound, dB
   * @param ms - how long that piece is
   * @param speech - whether it is speech in the caller's turn
   */
  hear(level: number, ms: number, speech: boolean): void {
    this.#silentMs += ms;
    if (this.#silentMs >= FORGOTTEN_MS) this.#spokenMs = 0;
    if (!speech) return;
    if (this.#spokenMs === 0) this.#level = level;
    if (level < this.#level - SOFT_DB) return;
    this.#silentMs = 0;
    const time = level > this.#level ? RISE_MS : FALL_MS;
    this.#level += (1 - Math.exp(-ms / time)) * (level - this.#level);
    this.#spokenMs += ms;
  }

  /** dB, near the loud syllables; undefined before the caller has said a few words, and when it is forgotten. */
  get level(): number | undefined {
    return this.#spokenMs < LEAST_MS ? undefined : this.#level - (FADE_PER_S * this.#silentMs) / 1000;
  }
}
