import { ReadableStream, TransformStream } from 'node:stream/web';
import { type llm, USERDATA_TIMED_TRANSCRIPT, voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import type { Logger } from '../../telemetry/log.ts';
import { askSession } from '../ask-session.ts';
import { insertWhenLate } from './insert-when-late.ts';
import type { OpenSpeeches } from './open-speeches.ts';

/** Silence after the caller's last word that is still a natural one, ms. */
const NATURAL_SILENCE_MS = 2_000;
/** Shorter sounds may be a cough: whether they hold words is not worth a sentence. */
const SHORTEST_SPEECH_MS = 500;

type AnswerPiece = llm.ChatChunk | string;

export interface FillerOptions {
  phrase: string;
  log: Logger;
  speeches: OpenSpeeches;
  /** Whether the caller's last words are still being transcribed. */
  awaitsWords: () => boolean;
  /** After which the session's VAD tells that speech has ended, ms. */
  silenceMs: number;
}

/**
 * «Un momento…»: said when an engine is so slow that nothing was heard for two seconds after the caller's last word. The
 * answer follows it. Once until the next answer, never over the caller, and not into the history.
 *
 * A slow model or voice: the phrase is put before the answer's own sound, so that the two stay one speech which the
 * caller may interrupt. Slow ears: there is no answer yet, and the phrase is a speech of its own.
 */
export class Filler {
  readonly #options: FillerOptions;
  #speakingSince = Number.POSITIVE_INFINITY;
  #quietSince: number | undefined;
  #saidAlready = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FillerOptions) {
    this.#options = options;
  }

  follow(session: voice.AgentSession): void {
    const { silenceMs } = this.#options;
    session.on(voice.AgentSessionEventTypes.UserStateChanged, ({ oldState, newState }) => {
      if (newState === 'speaking') {
        this.#heard();
        this.#speakingSince = performance.now();
      } else if (oldState === 'speaking') {
        this.#quietSince = performance.now() - silenceMs;
        if (this.#quietSince - this.#speakingSince < SHORTEST_SPEECH_MS) return;
        this.#timer = setTimeout(() => this.#bridgeSlowEars(session), NATURAL_SILENCE_MS - silenceMs);
      }
    });
    session.on(voice.AgentSessionEventTypes.AgentStateChanged, ({ newState }) => {
      if (newState === 'speaking') this.#heard();
    });
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'assistant') this.#saidAlready = false;
    });
    session.on(voice.AgentSessionEventTypes.Close, () => clearTimeout(this.#timer));
  }

  /** The model's answer; where that is late, the voice begins without it. */
  beforeAnswer(answer: ReadableStream<AnswerPiece>): ReadableStream<AnswerPiece> {
    return insertWhenLate<AnswerPiece>(answer, {
      leftMs: () => this.#leftMs(),
      // The framework starts the voice with the first text, and a space is not heard.
      bridge: async () => ReadableStream.from([' ']),
      counts: (piece) => typeof piece === 'string' || Boolean(piece.delta?.content),
    });
  }

  /**
   * The answer's sound; where that is late, the phrase comes before it.
   *
   * @param speak - makes sound of the phrase
   */
  beforeSound(
    sound: ReadableStream<AudioFrame>,
    speak: (phrase: string) => Promise<ReadableStream<AudioFrame> | null>,
  ): ReadableStream<AudioFrame> {
    return insertWhenLate(sound, {
      leftMs: () => this.#leftMs(),
      bridge: async () => {
        this.#said('the answer');
        const spoken = await speak(this.#options.phrase);
        return spoken?.pipeThrough(wordless()) ?? null;
      },
    });
  }

  /** Slow ears: no turn was committed, so that there is no answer to put it before. */
  #bridgeSlowEars(session: voice.AgentSession): void {
    const { phrase, speeches, awaitsWords, log } = this.#options;
    if (this.#leftMs() === undefined || speeches.first !== undefined || !awaitsWords()) return;
    this.#said('the words');
    askSession(log, () => session.say(phrase, { addToChatCtx: false }));
  }

  #said(awaited: string): void {
    this.#saidAlready = true;
    this.#options.log.info({ awaited }, 'an engine is slow; asked the caller to wait');
  }

  #heard(): void {
    this.#quietSince = undefined;
    clearTimeout(this.#timer);
  }

  #leftMs(): number | undefined {
    if (this.#quietSince === undefined || this.#saidAlready) return undefined;
    return this.#quietSince + NATURAL_SILENCE_MS - performance.now();
  }
}

/** Sound whose words nobody writes down: the voice sends them along with it. */
function wordless(): TransformStream<AudioFrame, AudioFrame> {
  return new TransformStream({
    transform: (frame, controller) => {
      delete frame.userdata[USERDATA_TIMED_TRANSCRIPT];
      controller.enqueue(frame);
    },
  });
}
