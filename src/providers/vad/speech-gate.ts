import { CallerLevel } from './caller-level.ts';
import { NoiseFloor } from './noise-floor.ts';

/** Speech weaker than the noise around it is not the caller's: dB over the floor, below which no turn opens. */
const LEAST_OVER_FLOOR_DB = 2;
/** So far over the floor the detector is trusted as it is; nearer to it, it must be surer. */
const CLEAR_OVER_FLOOR_DB = 10;
/** How much surer at {@link LEAST_OVER_FLOOR_DB}. Many voices together reach 0.7; the caller's word passes 0.75 in 64 ms. */
const SURER = 0.25;
/** What is so much softer than the caller is somebody else, or music: dB. It opens no turn. */
const SOFTER_OPENS_NONE_DB = 18;
/** The caller's own voice may sink more before the turn counts as paused. */
const SOFTER_KEEPS_NONE_DB = 22;
/** A syllable makes the sounds around it loud enough: a word begins and ends softly. */
const SYLLABLE_MS = 160;
/** With this probability in an open turn it is the caller who speaks, and their level is learned. */
const SURE = 0.8;

/** A piece of sound, as the detector of speech and the level meter see it. */
export interface SoundWindow {
  /** That it is speech, 0 to 1. */
  probability: number;
  /** In the band of voices, dB. */
  level: number;
  ms: number;
}

/**
 * Decides which speech is the caller's. It learns the noise floor and the caller's own level, and asks more of a sound
 * that opens a turn in noise, or next to a voice that has been much louder. As long as nothing is known, nothing is asked
 * beyond the detector's own threshold: the first word of a soft-spoken caller is never lost.
 */
export class SpeechGate {
  readonly #floor = new NoiseFloor();
  readonly #caller = new CallerLevel();
  #recent: SoundWindow[] = [];

  /**
   * @param speaking - whether a turn is open
   * @param threshold - the detector's own, for a voice in silence
   * @returns whether this sound may open a turn, or keep the open one from ending
   */
  passes(window: SoundWindow, speaking: boolean, threshold: number): boolean {
    this.#floor.hear(window.level, window.ms);
    this.#recent = [...this.#recent.slice(1 - Math.round(SYLLABLE_MS / window.ms)), window];
    const passes =
      window.probability > threshold &&
      (speaking ? this.#isCaller(SOFTER_KEEPS_NONE_DB) : this.#opens(window.probability - threshold));
    this.#caller.hear(window.level, window.ms, speaking && passes && window.probability > SURE);
    return passes;
  }

  #opens(overThreshold: number): boolean {
    const overFloor = this.#floor.above;
    if (overFloor < LEAST_OVER_FLOOR_DB) return false;
    const unclear = (CLEAR_OVER_FLOOR_DB - overFloor) / (CLEAR_OVER_FLOOR_DB - LEAST_OVER_FLOOR_DB);
    return overThreshold > SURER * Math.max(0, unclear) && this.#isCaller(SOFTER_OPENS_NONE_DB);
  }

  #isCaller(softer: number): boolean {
    const { level } = this.#caller;
    return level === undefined || Math.max(...this.#recent.map((window) => window.level)) > level - softer;
  }
}
