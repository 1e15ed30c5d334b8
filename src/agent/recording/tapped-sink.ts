import type { AudioFrame } from '@livekit/rtc-node';
import type { SoundSink } from '../turns/interruptible-output.ts';
import type { SoundSource } from './sound-timeline.ts';

/** Where the agent's voice goes, with somebody listening who knows when each sound of it is heard. */
export class TappedSink implements SoundSink {
  readonly #sink: SoundSink;
  #listener: SoundSource | undefined;

  constructor(sink: SoundSink) {
    this.#sink = sink;
  }

  /** Gives each sound from now on to a listener as well; undefined: to nobody any more. */
  listen(listener: SoundSource | undefined): void {
    this.#listener = listener;
  }

  get queuedDuration(): number {
    return this.#sink.queuedDuration;
  }

  captureFrame(frame: AudioFrame): Promise<void> {
    this.#listener?.place(frame.data, performance.now() + this.#sink.queuedDuration);
    return this.#sink.captureFrame(frame);
  }

  clearQueue(): void {
    this.#listener?.cut(performance.now());
    this.#sink.clearQueue();
  }

  waitForPlayout(): Promise<void> {
    return this.#sink.waitForPlayout();
  }
}
