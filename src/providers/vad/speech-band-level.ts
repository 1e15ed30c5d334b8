/** Telephony carries 300 to 3,400 Hz; a little more below, for low voices. */
const LOWEST_HZ = 200;
const HIGHEST_HZ = 3_400;
/** Digital silence, dB of full scale: below the noise of 16 bits. */
const SILENCE_DB = -100;

/**
 * Tells how loud sound is where voices are. Rumble of a car and hiss of a microphone are left out, so that the level of
 * the same voice is the same on the telephone and in a browser.
 *
 * Two biquads of Butterworth's shape: R. Bristow-Johnson, «Cookbook formulae for audio EQ biquad filter coefficients».
 */
export class SpeechBandLevel {
  readonly #filters: readonly Biquad[];

  /** @param sampleRate - of all sound that will come, Hz: 8,000 or more */
  constructor(sampleRate: number) {
    this.#filters = [
      highPass(LOWEST_HZ / sampleRate),
      // At 8 kHz nothing is left above.
      ...(sampleRate > 2.5 * HIGHEST_HZ ? [lowPass(HIGHEST_HZ / sampleRate)] : []),
    ];
  }

  /**
   * @param pcm - mono, follows what was measured before
   * @returns RMS level, dB of full scale
   */
  measure(pcm: Int16Array): number {
    let energy = 0;
    for (const sample of pcm) {
      let value = sample / 32_768;
      for (const filter of this.#filters) value = filter.next(value);
      energy += value * value;
    }
    return Math.max(SILENCE_DB, 10 * Math.log10(energy / Math.max(1, pcm.length)));
  }
}

function highPass(frequency: number): Biquad {
  const cos = Math.cos(2 * Math.PI * frequency);
  return new Biquad([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], frequency);
}

function lowPass(frequency: number): Biquad {
  const cos = Math.cos(2 * Math.PI * frequency);
  return new Biquad([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], frequency);
}

/** A filter of second order with a Q of 1/√2, transposed direct form II. */
class Biquad {
  readonly #b: readonly [number, number, number];
  readonly #a: readonly [number, number];
  #z1 = 0;
  #z2 = 0;

  /** @param frequency - of the corner, as a part of the sample rate */
  constructor(b: readonly [number, number, number], frequency: number) {
    const angle = 2 * Math.PI * frequency;
    const alpha = Math.sin(angle) / Math.SQRT2;
    const a0 = 1 + alpha;
    this.#b = [b[0] / a0, b[1] / a0, b[2] / a0];
    this.#a = [(-2 * Math.cos(angle)) / a0, (1 - alpha) / a0];
  }

  next(x: number): number {
    const y = this.#b[0] * x + this.#z1;
    this.#z1 = this.#b[1] * x - this.#a[0] * y + this.#z2;
    this.#z2 = this.#b[2] * x - this.#a[1] * y;
    return y;
  }
}
