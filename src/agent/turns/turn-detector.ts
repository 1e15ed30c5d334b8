import { Future, inference, voice } from '@livekit/agents';
import type { Language } from '../../config/config.ts';
import type { Pauses } from './pauses.ts';
import { type TurnShape, turnShape } from './turn-shape.ts';
import { LONGEST_WAIT_MS, turnWait } from './turn-wait.ts';

/** How long ago speech ended when the framework asks: 200 ms of silence, and the window of 32 ms that tells it, ms. */
const ASKED_AFTER_MS = 250;
/** Words that come this shortly before the question belong to the pause that it is about, ms. */
const WORDS_AHEAD_MS = 150;
/** From «it is transcribed» to the words themselves, ms. */
const WORDS_FOLLOW_MS = 50;
/** Words later than this are not waited for: what was understood before them is answered, ms from the end of speech. */
const LATEST_WORDS_MS = 2_500;
/** A voice within this time may be the caller going on: the VAD calls it speech a little later, ms. */
const VOICE_FRESH_MS = 80;
/** Noise that is no speech holds a turn up for at most this long, ms. */
const LONGEST_HOLD_MS = 200;

type Stream = inference.TurnDetectorStreamImpl;
type Asked = ReturnType<Stream['predict']>;
type Prediction = Awaited<Asked['await']>;

export interface TurnDetectorOptions {
  language: Language;
  pauses: Pauses;
  /** Whether the words' shape counts; without it the audio model decides alone. */
  shape: boolean;
  /**
   * Runs the audio model.
   * @defaultValue that of the job
   */
  executor?: NonNullable<inference.TurnDetectorOptions['executor']>;
}

/**
 * Decides when the caller's turn is over, from three things: the shape of the words, LiveKit's local audio model, and how
 * long this caller usually pauses.
 *
 * The framework knows two waits, a short one and a long one, chosen by a threshold (`runEOUDetection` in
 * `voice/audio_recognition.ts` of @livekit/agents 1.9.0), and takes a turn whose last words are still being transcribed.
 * So the wait is made here: the prediction that it awaits is given when the turn is over, and its own waits are set to
 * the shortest one. Speech that goes on withdraws the question.
 */
export class TurnDetector extends inference.TurnDetector {
  readonly #options: TurnDetectorOptions;
  #text = '';
  #wordsAt = Number.NEGATIVE_INFINITY;
  #voiceAt = Number.NEGATIVE_INFINITY;
  #stream: WaitingStream | undefined;

  constructor(options: TurnDetectorOptions) {
    // Left open, the framework takes LiveKit Cloud's model under `LIVEKIT_DEV_MODE`.
    super({ version: 'v1-mini', ...(options.executor !== undefined && { executor: options.executor }) });
    this.#options = options;
  }

  follow(session: voice.AgentSession): void {
    session.on(voice.AgentSessionEventTypes.UserInputTranscribed, ({ transcript, isFinal }) => {
      if (isFinal) this.heard(transcript);
    });
    session.on(voice.AgentSessionEventTypes.MetricsCollected, ({ metrics }) => {
      if (metrics.type === 'stt_metrics') this.transcribed();
    });
  }

  /** Told each piece of the turn's text when it is final. */
  heard(transcript: string): void {
    this.#text = `${this.#text} ${transcript}`.trim();
    this.#wordsAt = performance.now();
    this.#stream?.wordsCame();
  }

  /** Told that a transcription is done; its words, if there were any, follow. */
  transcribed(): void {
    this.#wordsAt = performance.now();
    this.#stream?.wordsCame(WORDS_FOLLOW_MS);
  }

  /** Told of sound that a voice may be in, and how long ago it was, ms. */
  voice(agoMs = 0): void {
    this.#voiceAt = Math.max(this.#voiceAt, performance.now() - agoMs);
  }

  /** Whether the caller has paused and their last words are still being transcribed. */
  get awaitsWords(): boolean {
    return this.#stream?.awaitsWords ?? false;
  }

  override stream(): Stream {
    const stream = new WaitingStream(
      { detector: this, opts: this._opts, cloudOpts: undefined, model: this._model },
      this._executor,
      {
        waitMs: (probability) => this.#waitMs(probability),
        wordsCameAt: () => this.#wordsAt,
        voiceCameAt: () => this.#voiceAt,
        onTurnOver: () => {
          this.#text = '';
        },
      },
    );
    this.#stream = stream;
    this._streams.add(stream);
    return stream;
  }

  #waitMs(probability: number | undefined): number {
    const { language, pauses, shape } = this.#options;
    const { typicalMs, cutShort } = pauses;
    const said: TurnShape = shape ? turnShape(this.#text, language) : 'stopped';
    return turnWait({ shape: said, probability, typicalMs, cutShort });
  }
}

interface Question {
  verdict: Asked;
  /** When speech ended. */
  quietSince: number;
  wordsCame: boolean;
  /** When the wait is over. */
  dueAt: number;
  prediction?: Prediction;
  timer?: NodeJS.Timeout;
}

interface TurnKnowledge {
  waitMs: (probability: number | undefined) => number;
  wordsCameAt: () => number;
  voiceCameAt: () => number;
  onTurnOver: () => void;
}

/** Answers the framework's question for the end of a turn when the wait is over. */
class WaitingStream extends inference.TurnDetectorStreamImpl {
  readonly #knows: TurnKnowledge;
  #question: Question | undefined;

  constructor(
    args: ConstructorParameters<typeof inference.TurnDetectorStreamImpl>[0],
    executor: inference.TurnDetectorOptions['executor'],
    knows: TurnKnowledge,
  ) {
    super(executor === undefined ? args : { ...args, executor });
    this.#knows = knows;
  }

  /** Counts from the last words; the framework's own limit is for a model that does not answer. */
  override get predictionTimeout(): number {
    return LATEST_WORDS_MS + LONGEST_WAIT_MS + LONGEST_HOLD_MS;
  }

  override predict(): Asked {
    const asked = super.predict();
    const now = performance.now();
    const question: Question = {
      verdict: new Future(),
      quietSince: now - ASKED_AFTER_MS,
      wordsCame: now - this.#knows.wordsCameAt() < WORDS_AHEAD_MS,
      dueAt: now,
    };
    this.#question = question;
    this.#decide(question);
    void asked.await.then((prediction) => {
      question.prediction = prediction;
      if (this.#question === question) this.#decide(question);
    });
    return question.verdict;
  }

  get awaitsWords(): boolean {
    return this.#question?.wordsCame === false;
  }

  /** @param graceMs - how much later the words themselves may come */
  wordsCame(graceMs = 0): void {
    if (this.#question === undefined) return;
    this.#question.wordsCame = true;
    this.#decide(this.#question, graceMs);
  }

  override cancelInference(options?: { timedOut?: boolean }): void {
    super.cancelInference(options);
    this.#answer(0);
  }

  override flush(reason?: string): void {
    super.flush(reason);
    this.#knows.onTurnOver();
  }

  #decide(question: Question, graceMs = 0): void {
    clearTimeout(question.timer);
    const { prediction, quietSince, wordsCame } = question;
    const waitMs = wordsCame ? this.#knows.waitMs(prediction?.endOfTurnProbability) : LATEST_WORDS_MS;
    const now = performance.now();
    question.dueAt = Math.max(quietSince + waitMs, now + graceMs);
    question.timer = setTimeout(() => this.#end(question), question.dueAt - now);
  }

  #end(question: Question): void {
    const now = performance.now();
    const voiceMs = now - this.#knows.voiceCameAt();
    if (voiceMs < VOICE_FRESH_MS && now < question.dueAt + LONGEST_HOLD_MS) {
      question.timer = setTimeout(() => this.#end(question), VOICE_FRESH_MS - voiceMs);
      return;
    }
    this.#answer(1);
  }

  #answer(fallback: number): void {
    const question = this.#question;
    if (question === undefined) return;
    this.#question = undefined;
    clearTimeout(question.timer);
    question.verdict.resolve(
      question.prediction ?? {
        type: 'eot_prediction',
        endOfTurnProbability: fallback,
        lastSpeakingTimeMs: Date.now(),
      },
    );
  }
}
