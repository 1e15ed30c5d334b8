import {
  type APIConnectOptions,
  stt,
  type VAD,
  type VADEvent,
  VADEventType,
  type VADStream,
} from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';

/** Silence after which the utterance is sent although the caller may go on. */
const PAUSE_MS = 150;
/** Speech without a pause is transcribed in pieces of this length: Whisper hears 30 s at once. */
const LONGEST_UTTERANCE_MS = 25_000;
/** What the VAD may need beside its own silence to call an utterance over: its smoothing, and windows of 32 ms. */
const TAIL_MS = 250;
/** For a VAD that does not tell its silence. */
const UNKNOWN_SILENCE_MS = 1_000;

/** Speech before the first guess at its words, and least speech between two, ms. */
const GUESS_EVERY_MS = 1_500;
/** A guess that took t is followed by at least this many t of speech, so that a slow engine is not kept busy by guesses. */
const GUESS_REST = 4;

/** The least probability of speech for a window to count as a first sign of a voice; Silero's own threshold. */
const VOICE_PROBABILITY = 0.5;

/** What became of a transcription begun before the caller had finished: their words, a caption, or nothing. */
export type SpeculationResult = 'used' | 'caption' | 'thrown_away';

interface SpeculativeSpeechOptions {
  speculative: boolean;
  interim: boolean;
  onVoice: (agoMs: number) => void;
  onNothing: () => void;
  onTranscribing: (busy: boolean) => void;
  onSpeculation: (result: SpeculationResult, engineMs: number) => void;
}

interface Attempt {
  abort: AbortController;
  result: Promise<stt.SpeechEvent | Error>;
  /** How long the transcriber has worked on it, or did, ms. */
  engineMs: () => number;
}

/**
 * A stream over a batch transcriber. A VAD of its own hears the caller pause; the whole utterance is then sent at once,
 * so that its text is there when the VAD has waited long enough to call the utterance over. Speech that goes on aborts
 * the request: at most one is useless for each pause. While a long utterance grows, its words so far are guessed now and
 * then for captions; a pause takes the engine from the guess.
 *
 * Emits START_OF_SPEECH, END_OF_SPEECH and one FINAL_TRANSCRIPT for each utterance, in order, and INTERIM_TRANSCRIPT
 * between the first two; speech that has no pause has a FINAL_TRANSCRIPT every 25 s. A transcription that fails is emitted as an `error` of the transcriber, marked recoverable
 * because the stream goes on: the stock adapter logs it and the turn is lost in silence (`stt/stream_adapter.ts` of
 * @livekit/agents 1.9.0).
 */
export class SpeculativeSpeechStream extends stt.SpeechStream {
  override label = 'charla.SpeculativeSpeechStream';
  readonly #stt: stt.STT;
  readonly #options: SpeculativeSpeechOptions;
  readonly #vad: VAD;
  readonly #vadStream: VADStream;
  #vadOpen = true;
  #pushedMs = 0;
  /** Where the last window without a voice ends, in ms of sound. */
  #voiceFromMs = 0;
  /** Set when no more sound will come: where it ends, in ms of sound. */
  #endMs: number | undefined;
  #speaking = false;
  #utterance: AudioFrame[] = [];
  #utteranceMs = 0;
  /** The length at which the utterance is next guessed at, ms. */
  #guessAtMs = GUESS_EVERY_MS;
  #guess: Attempt | undefined;
  #attempt: Attempt | undefined;
  /** Utterances whose words are not there yet. */
  #undelivered = 0;
  #delivered: Promise<void> = Promise.resolve();

  /**
   * @param options.speculative - whether to ask when a pause begins, and not only when it has ended the utterance
   * @param options.interim - whether to guess at the words before the caller pauses
   * @param options.onVoice - told of each window of sound that a voice may be in, and how long ago that voice began
   * @param options.onNothing - told when somebody had seemed to speak, nothing was said, and it is quiet
   * @param options.onTranscribing - told when an utterance is over and its words are not there yet, and when they are
   * @param options.onSpeculation - told what became of each transcription begun early, and how long the engine worked
   */
  constructor(
    transcriber: stt.STT,
    vad: VAD,
    options: SpeculativeSpeechOptions,
    connOptions?: APIConnectOptions,
  ) {
    super(transcriber, undefined, connOptions);
    this.#stt = transcriber;
    this.#options = options;
    this.#vad = vad;
    this.#vadStream = vad.stream();
  }

  override close(): void {
    super.close();
    this.#attempt?.abort.abort();
    this.#dropGuess();
    this.#closeVad();
  }

  protected override async run(): Promise<void> {
    await Promise.all([this.#forwardInput(), this.#followSpeech()]);
    await this.#delivered;
  }

  async #forwardInput(): Promise<void> {
    let last: AudioFrame | undefined;
    for await (const input of this.input) {
      if (this.closed) return;
      // A flush means nothing here: the VAD alone says where utterances end, and its own flush forgets the one begun.
      if (typeof input === 'symbol') continue;
      this.#push(input);
      last = input;
    }
    if (this.closed || last === undefined) {
      this.#closeVad();
      return;
    }
    // Silence ends the last utterance. `VADStream.endInput()` only makes an unhandled rejection: it closes a stream that
    // its writer has locked (`vad.ts` of @livekit/agents 1.9.0).
    this.#endMs = this.#pushedMs;
    const samples = Math.round(
      (((this.#vad.minSilenceDuration ?? UNKNOWN_SILENCE_MS) + TAIL_MS) / 1000) * last.sampleRate,
    );
    this.#push(
      new AudioFrame(new Int16Array(samples * last.channels), last.sampleRate, last.channels, samples),
    );
  }

  #push(frame: AudioFrame): void {
    this.#pushedMs += (frame.samplesPerChannel / frame.sampleRate) * 1000;
    this.#vadStream.pushFrame(frame);
  }

  #closeVad(): void {
    if (this.#vadOpen) this.#vadStream.close();
    this.#vadOpen = false;
  }

  async #followSpeech(): Promise<void> {
    for await (const event of this.#vadStream) {
      switch (event.type) {
        case VADEventType.START_OF_SPEECH:
          // The VAD reuses the memory behind its frames: copy what outlives the event.
          this.#speaking = true;
          this.#beginUtterance();
          this.#keep(event.frames);
          this.#put({ type: stt.SpeechEventType.START_OF_SPEECH });
          break;
        case VADEventType.INFERENCE_DONE:
          if (event.probability > VOICE_PROBABILITY)
            this.#options.onVoice(this.#pushedMs - this.#voiceFromMs);
          else this.#voiceFromMs = event.timestamp;
          if (event.speaking) this.#speechGoesOn(event);
          else if (this.#endMs !== undefined && event.timestamp >= this.#endMs) this.#closeVad();
          break;
        case VADEventType.END_OF_SPEECH:
          this.#speechEnded(event);
          break;
      }
    }
  }

  #beginUtterance(): void {
    this.#utterance = [];
    this.#utteranceMs = 0;
    this.#guessAtMs = GUESS_EVERY_MS;
  }

  #keep(frames: readonly AudioFrame[]): void {
    for (const frame of frames) {
      this.#utterance.push(copyFrame(frame));
      this.#utteranceMs += (frame.data.length / frame.channels / frame.sampleRate) * 1000;
    }
  }

  #speechGoesOn(event: VADEvent): void {
    this.#keep(event.frames);
    // Somebody who does not pause is heard all the same, and the memory that they take has an end.
    if (this.#utteranceMs >= LONGEST_UTTERANCE_MS) this.#handOver(Date.now());
    else if (event.rawAccumulatedSpeech > 0) {
      this.#throwAway(this.#attempt);
      this.#attempt = undefined;
      if (this.#options.interim && this.#guess === undefined && this.#utteranceMs >= this.#guessAtMs) {
        void this.#guessWords();
      }
    } else if (event.rawAccumulatedSilence >= PAUSE_MS && this.#attempt === undefined) {
      this.#dropGuess();
      if (this.#options.speculative) this.#attempt = this.#transcribe(this.#utterance);
    }
  }

  #speechEnded(event: VADEvent): void {
    this.#speaking = false;
    const speechEndTime = Date.now() - event.silenceDuration - event.inferenceDuration;
    this.#put({ type: stt.SpeechEventType.END_OF_SPEECH, speechEndTime });
    this.#handOver(speechEndTime);
  }

  /** Has the utterance transcribed as it is, and begins another. */
  #handOver(speechEndTime: number): void {
    this.#dropGuess();
    const attempt = this.#attempt ?? this.#transcribe(this.#utterance);
    if (this.#attempt !== undefined) this.#options.onSpeculation('used', attempt.engineMs());
    this.#attempt = undefined;
    this.#beginUtterance();
    this.#undelivered += 1;
    this.#options.onTranscribing(true);
    this.#delivered = this.#delivered.then(async () => {
      const outcome = await attempt.result;
      this.#undelivered -= 1;
      if (this.#undelivered === 0) this.#options.onTranscribing(false);
      this.#deliver(outcome, speechEndTime);
    });
  }

  async #guessWords(): Promise<void> {
    const guess = this.#transcribe(this.#utterance);
    this.#guess = guess;
    const outcome = await guess.result;
    if (this.#guess !== guess) return;
    this.#guess = undefined;
    this.#options.onSpeculation('caption', guess.engineMs());
    this.#guessAtMs = this.#utteranceMs + Math.max(GUESS_EVERY_MS, GUESS_REST * guess.engineMs());
    // A guess that failed is nobody's loss: the whole utterance is still to be sent.
    if (outcome instanceof Error || !outcome.alternatives?.[0].text) return;
    this.#put({ ...outcome, type: stt.SpeechEventType.INTERIM_TRANSCRIPT });
  }

  #dropGuess(): void {
    this.#throwAway(this.#guess);
    this.#guess = undefined;
  }

  #throwAway(attempt: Attempt | undefined): void {
    if (attempt === undefined) return;
    attempt.abort.abort();
    this.#options.onSpeculation('thrown_away', attempt.engineMs());
  }

  #transcribe(frames: AudioFrame[]): Attempt {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.abortSignal]);
    const beganAt = performance.now();
    let endedAt: number | undefined;
    const result = this.#stt
      .recognize([...frames], signal)
      .catch((error: unknown) => error as Error)
      .finally(() => {
        endedAt = performance.now();
      });
    return { abort, result, engineMs: () => (endedAt ?? performance.now()) - beganAt };
  }

  #deliver(outcome: stt.SpeechEvent | Error, speechEndTime: number): void {
    if (this.abortSignal.aborted) return;
    if (outcome instanceof Error) {
      this.#stt.emit('error', {
        type: 'stt_error',
        timestamp: Date.now(),
        label: this.#stt.label,
        error: outcome,
        recoverable: true,
      });
    } else if (outcome.alternatives?.[0].text) {
      this.#put({ ...outcome, speechEndTime });
      return;
    }
    if (!this.#speaking) this.#options.onNothing();
  }

  #put(event: stt.SpeechEvent): void {
    if (!this.queue.closed) this.queue.put(event);
  }
}

function copyFrame(frame: AudioFrame): AudioFrame {
  return new AudioFrame(
    frame.data.slice(),
    frame.sampleRate,
    frame.channels,
    frame.data.length / frame.channels,
  );
}
