import { SPEECH_SAMPLE_RATE } from './recorded-speech.ts';

/** Sounds that are nobody's turn, and how they come to lie under speech. Mono, {@link SPEECH_SAMPLE_RATE}. */

/** Full scale of 16 bits. */
const FULL_SCALE = 32_768;

/** Noise of a street or a fan: the same power in each octave. Paul Kellet's filter of white noise, economy form. */
export function pinkNoise(seconds: number, level: number): Int16Array {
  let [low, middle, high, random] = [0, 0, 0, 1];
  return synthesise(seconds, level, () => {
    // The same numbers in each run: a linear congruential generator (Numerical Recipes).
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const white = random / 2 ** 31 - 1;
    low = 0.99765 * low + 0.099046 * white;
    middle = 0.963 * middle + 0.2965164 * white;
    high = 0.57 * high + 1.0526913 * white;
    return low + middle + high + 0.1848 * white;
  });
}

/** Chords with a tune over them, struck twice a second, each note with six harmonics. */
export function music(seconds: number, level: number): Int16Array {
  const chords = [
    [220, 261.6, 329.6],
    [174.6, 220, 261.6],
    [261.6, 329.6, 392],
    [196, 246.9, 293.7],
  ];
  const tune = [440, 523.3, 587.3, 659.3, 523.3, 493.9, 440, 392];
  return synthesise(seconds, level, (t) => {
    const beat = Math.floor(t * 2);
    const notes = [...(chords[(beat >> 1) % chords.length] ?? []), tune[beat % tune.length] ?? 0];
    const wave = notes.reduce((sum, note) => sum + tone(note, t), 0);
    const sinceBeat = t - beat / 2;
    return wave * Math.min(1, sinceBeat * 100) * Math.exp(-2 * sinceBeat);
  });
}

/** Sound again and again, until it is so long. */
export function repeated(pcm: Int16Array, seconds: number): Int16Array {
  return Int16Array.from(
    { length: Math.round(seconds * SPEECH_SAMPLE_RATE) },
    (_, index) => pcm[index % pcm.length] ?? 0,
  );
}

/** Sound made so loud that its RMS is `level`, dB of full scale. */
export function atLevel(pcm: ArrayLike<number>, level: number): Int16Array {
  const values = Float64Array.from(pcm);
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const gain = (FULL_SCALE * 10 ** (level / 20)) / rms;
  return Int16Array.from(values, (value) => clip(value * gain));
}

/** One sound over another, as long as the first. */
export function mixed(pcm: Int16Array, other: Int16Array): Int16Array {
  return pcm.map((value, index) => clip(value + (other[index] ?? 0)));
}

function synthesise(seconds: number, level: number, wave: (t: number) => number): Int16Array {
  const length = Math.round(seconds * SPEECH_SAMPLE_RATE);
  return atLevel(
    Float64Array.from({ length }, (_, index) => wave(index / SPEECH_SAMPLE_RATE)),
    level,
  );
}

function tone(frequency: number, t: number): number {
  return [1, 2, 3, 4, 5, 6].reduce((sum, n) => sum + Math.sin(2 * Math.PI * frequency * n * t) / n, 0);
}

function clip(value: number): number {
  return Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(value)));
}
