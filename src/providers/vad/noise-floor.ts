/** The floor is the quietest of so long: longer than speech goes without a dip, short enough to learn a new noise soon. */
const MEMORY_MS = 1_500;
/** The memory is kept as so many minima, each of its own stretch: the exact age of a minimum does not matter. */
const STRETCHES = 6;
/** Before so much sound the floor is not known: it would be the level of whatever came first. */
const LEAST_MS = 500;
/** Power is smoothed with this time constant before its minimum is taken, or one quiet moment would be the floor. */
const SMOOTHING_MS = 60;

/**
 * The level of what is always there: a street, a fan, many voices in a café.
 *
 * It falls as soon as it gets quieter, and rises {@link MEMORY_MS} after it got louder. No decision on speech is needed:
 * also who talks dips to the floor between syllables. R. Martin, «Noise power spectral density estimation based on
 * optimal smoothing and minimum statistics», IEEE Trans. Speech Audio Process. 9(5), 2001; here over one band, and
 * without its bias compensation, because windows of 32 ms over 3 kHz leave a bias of some 1 dB.
 */
export class NoiseFloor {
  #smoothed: number | undefined;
  #heardMs = 0;
  #stretchMs = 0;
  #minima: number[] = [Number.POSITIVE_INFINITY];

  /**
   * @param level - of the next piece of sound, dB
   * @param ms - how long that piece is
   */
  hear(level: number, ms: number): void {
    const power = 10 ** (level / 10);
    const keep = Math.exp(-ms / SMOOTHING_MS);
    this.#smoothed = this.#smoothed === undefined ? power : keep * this.#smoothed + (1 - keep) * power;
    this.#heardMs += ms;
    this.#stretchMs += ms;
    if (this.#stretchMs > MEMORY_MS / STRETCHES) {
      this.#stretchMs = ms;
      this.#minima = [...this.#minima.slice(1 - STRETCHES), Number.POSITIVE_INFINITY];
    }
    const last = this.#minima.length - 1;
    this.#minima[last] = Math.min(this.#minima[last] ?? this.#smoothed, this.#smoothed);
  }

  /** dB; minus infinity as long as too little was heard. */
  get level(): number {
    return this.#heardMs < LEAST_MS ? Number.NEGATIVE_INFINITY : 10 * Math.log10(Math.min(...this.#minima));
  }

  /** How far over the floor the sound is now, dB. */
  get above(): number {
    return 10 * Math.log10(this.#smoothed ?? 0) - this.level;
  }
}
