import { FRAME_MS, FRAME_SAMPLES } from '../line.ts';

/** Held at most; of more, the oldest is lost. */
const CAPACITY_FRAMES = 25;
/** Sound that is kept back for frames that come late: it begins with one frame, and grows to this many when they do. */
const MOST_TARGET_FRAMES = 5;
/** What was too much for this long leaves. */
const WINDOW_FRAMES = 50;
/** Sound below this peak (−42 dB of full scale) is not missed. */
const QUIET_PEAK = 256;
/** Whoever has not paused for this long may not do so soon: of what is loud and too much, … */
const PAUSE_WITHIN_FRAMES = 50;
/** … one frame in so many is left out from then on. */
const LOUD_DROP_EACH_FRAMES = 10;

/** What a {@link JitterBuffer} did to the sound, in frames. */
export type JitterEvent = 'dropped' | 'concealed';

/**
 * Sound between somebody who brings it in pieces of any size at any time and a clock that takes a frame at a time
 * (16-bit PCM, mono). It keeps back as little as the unevenness of the pieces asks for: more after each time that it ran
 * out, less when for a second more was there than needed; then quiet frames go first.
 */
export class JitterBuffer {
  readonly #onEvent: (event: JitterEvent, frames: number) => void;
  readonly #ring = new Int16Array(CAPACITY_FRAMES * FRAME_SAMPLES);
  #start = 0;
  #held = 0;
  #targetFrames = 1;
  /** Nothing is given until there is as much as the target. */
  #filling = true;
  /** Least that there was to give in this window, in samples, and how old the window is. */
  #leastHeld = Number.POSITIVE_INFINITY;
  #windowFrames = 0;
  #surplusFrames = 0;
  /** Loud frames since the last quiet one. */
  #loudFrames = 0;
  /** Frames asked for in vain since the sound ran out; 0 before it began. */
  #missing = 0;

  constructor(onEvent: (event: JitterEvent, frames: number) => void = () => undefined) {
    this.#onEvent = onEvent;
  }

  /** What is held, ms. */
  get heldMs(): number {
    return (this.#held / FRAME_SAMPLES) * FRAME_MS;
  }

  /** Takes sound: any number of samples. Of more than there is room for, the newest is kept. */
  write(samples: Int16Array): void {
    const size = this.#ring.length;
    const kept = samples.length > size ? samples.subarray(samples.length - size) : samples;
    const over = this.#held + samples.length - size;
    if (over > 0) {
      this.#skip(Math.min(this.#held, over));
      this.#onEvent('dropped', Math.ceil(over / FRAME_SAMPLES));
    }
    const end = (this.#start + this.#held) % size;
    const first = kept.subarray(0, size - end);
    this.#ring.set(first, end);
    this.#ring.set(kept.subarray(first.length), 0);
    this.#held += kept.length;
  }

  /**
   * The next frame; undefined where there is none: nobody speaks, or it comes late, and silence stands for it. The frame
   * is the caller's to keep.
   */
  read(): Int16Array | undefined {
    if (this.#filling && this.#held < this.#targetFrames * FRAME_SAMPLES) {
      if (this.#missing > 0) this.#missing += 1;
      return undefined;
    }
    if (this.#held < FRAME_SAMPLES) {
      this.#ranOut();
      return undefined;
    }
    if (this.#filling) this.#wentOn();
    this.#watchSurplus();
    const frame = this.#take();
    if (!this.#leavesOut(frame) || this.#held < FRAME_SAMPLES) return frame;
    this.#surplusFrames -= 1;
    this.#onEvent('dropped', 1);
    return this.#take();
  }

  /** Throws away what is held. */
  clear(): void {
    this.#skip(this.#held);
    this.#filling = true;
    this.#missing = 0;
    this.#newWindow();
    this.#surplusFrames = 0;
  }

  #ranOut(): void {
    this.#filling = true;
    this.#missing = 1;
    this.#newWindow();
    this.#surplusFrames = 0;
  }

  /** Who was away for longer than any jitter had stopped, and was not late. */
  #wentOn(): void {
    this.#filling = false;
    if (this.#missing > 0 && this.#missing <= CAPACITY_FRAMES) {
      this.#onEvent('concealed', this.#missing);
      this.#targetFrames = Math.min(MOST_TARGET_FRAMES, this.#targetFrames + 1);
    }
    this.#missing = 0;
    this.#newWindow();
  }

  #watchSurplus(): void {
    this.#leastHeld = Math.min(this.#leastHeld, this.#held);
    this.#windowFrames += 1;
    if (this.#windowFrames < WINDOW_FRAMES) return;
    // What was there even when the least was there, this frame aside, was there for nothing.
    const spare = Math.floor(this.#leastHeld / FRAME_SAMPLES) - 1;
    this.#surplusFrames = Math.max(0, spare - 1);
    if (spare > 0) this.#targetFrames = Math.max(1, this.#targetFrames - 1);
    this.#newWindow();
  }

  #newWindow(): void {
    this.#leastHeld = Number.POSITIVE_INFINITY;
    this.#windowFrames = 0;
  }

  #leavesOut(frame: Int16Array): boolean {
    if (this.#surplusFrames === 0) return false;
    const quiet = isQuiet(frame);
    this.#loudFrames = quiet ? 0 : this.#loudFrames + 1;
    return (
      quiet || (this.#loudFrames >= PAUSE_WITHIN_FRAMES && this.#loudFrames % LOUD_DROP_EACH_FRAMES === 0)
    );
  }

  #take(): Int16Array {
    const frame = new Int16Array(FRAME_SAMPLES);
    const first = this.#ring.subarray(this.#start, this.#start + FRAME_SAMPLES);
    frame.set(first);
    frame.set(this.#ring.subarray(0, FRAME_SAMPLES - first.length), first.length);
    this.#skip(FRAME_SAMPLES);
    return frame;
  }

  #skip(samples: number): void {
    this.#start = (this.#start + samples) % this.#ring.length;
    this.#held -= samples;
  }
}

function isQuiet(frame: Int16Array): boolean {
  return frame.every((sample) => Math.abs(sample) < QUIET_PEAK);
}
