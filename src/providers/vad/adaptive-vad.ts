import { VAD, type VADEvent, VADEventType, VADStream } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { SpeechBandLevel } from './speech-band-level.ts';
import { SpeechGate } from './speech-gate.ts';

/** What the stock VAD takes too, with the same meaning. */
export interface AdaptiveVADOptions {
  /** Speech that opens a turn: ms. */
  minSpeechDuration: number;
  /** Silence that ends it: ms. */
  minSilenceDuration: number;
  /** Sound kept from before the first speech: ms. */
  prefixPaddingDuration: number;
  /** Longest speech kept for the event at its end: ms. */
  maxBufferedSpeech: number;
  /** Probability of speech that counts, for a voice in silence; noise raises it. */
  activationThreshold: number;
}

/** Of `@livekit/agents-plugin-silero` 1.9.0. */
const DEFAULTS: AdaptiveVADOptions = {
  minSpeechDuration: 50,
  minSilenceDuration: 550,
  prefixPaddingDuration: 500,
  maxBufferedSpeech: 60_000,
  activationThreshold: 0.5,
};

/**
 * A VAD that knows the call it listens to: noise, and music or a second voice well under the caller's, open no turns and
 * keep none open. It takes the probability of speech from another VAD (Silero), and decides itself where speech begins and ends.
 * Each stream learns from its own sound; streams that hear the same decide the same. A voice in silence gives the very
 * events of the other VAD.
 */
export class AdaptiveVAD extends VAD {
  label = 'charla.AdaptiveVAD';
  readonly #detector: VAD;
  readonly #options: AdaptiveVADOptions;

  /** @param detector - tells a probability for each window of sound; its own durations and threshold do not matter */
  constructor(detector: VAD, options: Partial<AdaptiveVADOptions> = {}) {
    super(detector.capabilities);
    this.#detector = detector;
    this.#options = { ...DEFAULTS, ...options };
  }

  override get minSilenceDuration(): number {
    return this.#options.minSilenceDuration;
  }

  /** Streams that are open follow at once. */
  updateOptions(options: Partial<AdaptiveVADOptions>): void {
    Object.assign(this.#options, options);
  }

  override stream(): VADStream {
    return new AdaptiveVADStream(this, this.#detector.stream(), this.#options);
  }

  override async close(): Promise<void> {
    await this.#detector.close();
  }
}

class AdaptiveVADStream extends VADStream {
  readonly #detector: VADStream;
  readonly #options: Readonly<AdaptiveVADOptions>;
  readonly #gate = new SpeechGate();
  #meter: SpeechBandLevel | undefined;
  #samplesIndex = 0;
  #speaking = false;
  #speechDuration = 0;
  #silenceDuration = 0;
  /** Speech and silence without a break, ms. */
  #speechRun = 0;
  #silenceRun = 0;
  /** Whether the speech that is heard is not the caller's. */
  #refused = false;
  readonly #sound = new SoundBuffer();

  constructor(vad: VAD, detector: VADStream, options: Readonly<AdaptiveVADOptions>) {
    super(vad);
    this.#detector = detector;
    this.#options = options;
    void this.#forward();
    void this.#decide();
  }

  override close(): void {
    super.close();
    this.#detector.close();
  }

  async #forward(): Promise<void> {
    while (!this.closed) {
      const { done, value } = await this.inputReader.read();
      if (done || this.closed) return;
      if (typeof value === 'symbol') this.#detector.flush();
      else this.#detector.pushFrame(value);
    }
  }

  async #decide(): Promise<void> {
    for await (const event of this.#detector) {
      if (this.closed) return;
      if (event.type === VADEventType.INFERENCE_DONE) this.#hear(event);
    }
    // The detector gave up, and is closed.
    if (!this.closed) super.close();
  }

  #hear(event: VADEvent): void {
    const [frame] = event.frames;
    if (frame === undefined) return;
    // The count starts anew when the stream was flushed.
    if (event.samplesIndex <= this.#samplesIndex) this.#startAnew();
    this.#samplesIndex = event.samplesIndex;
    const ms = (frame.data.length / frame.sampleRate) * 1000;
    this.#sound.push(frame, ms);
    if (this.#speaking) this.#speechDuration += ms;
    else this.#silenceDuration += ms;

    this.#meter ??= new SpeechBandLevel(frame.sampleRate);
    const level = this.#meter.measure(frame.data);
    const threshold = this.#options.activationThreshold;
    const speech = event.probability > threshold;
    const passes = this.#gate.passes(
      { probability: event.probability, level, ms },
      this.#speaking,
      threshold,
    );
    // Who looks at single windows must not take somebody else for the caller either.
    const probability = speech && !passes ? threshold : event.probability;
    const heard = { ...event, probability };
    this.#send(heard, VADEventType.INFERENCE_DONE, event.frames);
    if (this.#speaking) this.#followTurn(heard, ms, passes);
    else this.#awaitTurn(heard, ms, speech, passes);
  }

  #awaitTurn(event: VADEvent, ms: number, speech: boolean, passes: boolean): void {
    const { minSpeechDuration, prefixPaddingDuration } = this.#options;
    this.#speechRun = speech ? this.#speechRun + ms : 0;
    this.#silenceRun = speech ? 0 : this.#silenceRun + ms;
    if (speech && this.#speechRun < minSpeechDuration) return;
    if (!passes) {
      // Somebody else may speak on: the caller's turn begins with the first window that passes.
      this.#speechRun = Math.min(this.#speechRun, ms);
      this.#sound.keep(prefixPaddingDuration);
      this.#refused = speech;
      return;
    }
    this.#refused = false;
    this.#speaking = true;
    this.#silenceDuration = 0;
    this.#speechDuration = this.#speechRun;
    this.#send(event, VADEventType.START_OF_SPEECH, this.#sound.frames);
  }

  #followTurn(event: VADEvent, ms: number, passes: boolean): void {
    const { minSilenceDuration, prefixPaddingDuration, maxBufferedSpeech } = this.#options;
    this.#speechRun = passes ? this.#speechRun + ms : 0;
    this.#silenceRun = passes ? 0 : this.#silenceRun + ms;
    this.#sound.keep(prefixPaddingDuration + maxBufferedSpeech);
    if (this.#silenceRun <= minSilenceDuration) return;
    this.#speaking = false;
    this.#speechDuration = 0;
    this.#silenceDuration = this.#silenceRun;
    this.#send(event, VADEventType.END_OF_SPEECH, this.#sound.frames);
    this.#sound.keep(prefixPaddingDuration);
  }

  #startAnew(): void {
    this.#speaking = false;
    this.#refused = false;
    this.#speechDuration = 0;
    this.#silenceDuration = 0;
    this.#speechRun = 0;
    this.#silenceRun = 0;
    this.#sound.keep(0);
  }

  #send(heard: VADEvent, type: VADEventType, frames: AudioFrame[]): void {
    // As in the stock VAD: runs are told with each window, and none with the beginning and end of a turn.
    const told = type === VADEventType.INFERENCE_DONE;
    this.sendVADEvent({
      ...heard,
      type,
      frames,
      speaking: this.#speaking,
      speechDuration: this.#speechDuration,
      silenceDuration: this.#silenceDuration,
      rawAccumulatedSpeech: told && !this.#refused ? this.#speechRun : 0,
      rawAccumulatedSilence: told ? this.#silenceRun : 0,
    });
  }
}

/** The latest sound, in pieces. */
class SoundBuffer {
  #pieces: { frame: AudioFrame; ms: number }[] = [];
  #ms = 0;

  push(frame: AudioFrame, ms: number): void {
    // A detector may use the memory of its frames again.
    const { sampleRate, channels, samplesPerChannel } = frame;
    const copy = new AudioFrame(frame.data.slice(), sampleRate, channels, samplesPerChannel);
    this.#pieces.push({ frame: copy, ms });
    this.#ms += ms;
  }

  /** Forgets what is older than the last so many ms. */
  keep(ms: number): void {
    for (let [oldest] = this.#pieces; oldest && this.#ms - oldest.ms >= ms; [oldest] = this.#pieces) {
      this.#pieces.shift();
      this.#ms -= oldest.ms;
    }
  }

  get frames(): AudioFrame[] {
    return this.#pieces.map(({ frame }) => frame);
  }
}
