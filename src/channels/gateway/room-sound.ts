import { clipSample } from '../../clip-sample.ts';
import { FRAME_SAMPLES } from '../line.ts';
import { JitterBuffer, type JitterEvent } from './jitter-buffer.ts';

/**
 * How long sound that the agent sent before it stopped is still on its way through the room. It goes on 180 ms after
 * that at the soonest, or says so before (`agent/turns/interruptible-output.ts`).
 */
const IN_FLIGHT_MS = 250;

/** All that sounds in a room, track by track, as one sound for the telephone: the agent's voice, and what is behind it. */
export class RoomSound {
  readonly #onEvent: (event: JitterEvent, frames: number) => void;
  readonly #tracks = new Map<string, { buffer: JitterBuffer; isVoice: boolean }>();
  /** Until then the voice's sound is from before it stopped, ms of `performance.now()`. */
  #staleUntilMs = 0;

  constructor(onEvent: (event: JitterEvent, frames: number) => void = () => undefined) {
    this.#onEvent = onEvent;
  }

  /** Of the voice, what is held, ms. */
  get heldVoiceMs(): number {
    return Math.max(
      0,
      ...[...this.#tracks.values()].filter(({ isVoice }) => isVoice).map(({ buffer }) => buffer.heldMs),
    );
  }

  write(track: string, samples: Int16Array, { isVoice }: { isVoice: boolean }): void {
    if (isVoice && performance.now() < this.#staleUntilMs) return;
    let known = this.#tracks.get(track);
    if (known === undefined) {
      known = { buffer: new JitterBuffer(this.#onEvent), isVoice };
      this.#tracks.set(track, known);
    }
    known.buffer.write(samples);
  }

  remove(track: string): void {
    this.#tracks.delete(track);
  }

  /** The voice has stopped: what of it is here, and what still comes, is not heard. */
  stopVoice(): void {
    for (const { buffer, isVoice } of this.#tracks.values()) if (isVoice) buffer.clear();
    this.#staleUntilMs = performance.now() + IN_FLIGHT_MS;
  }

  /** The voice goes on. */
  resumeVoice(): void {
    this.#staleUntilMs = 0;
  }

  /** The next frame of all tracks together; undefined where nothing sounds. */
  read(): Int16Array | undefined {
    let mixed: Int16Array | undefined;
    for (const { buffer } of this.#tracks.values()) {
      const frame = buffer.read();
      if (mixed === undefined) mixed = frame;
      else if (frame !== undefined) add(mixed, frame);
    }
    return mixed;
  }
}

function add(mixed: Int16Array, frame: Int16Array): void {
  for (let index = 0; index < FRAME_SAMPLES; index += 1) {
    mixed[index] = clipSample((mixed[index] ?? 0) + (frame[index] ?? 0));
  }
}
