import { randomUUID } from 'node:crypto';
import {
  type APIConnectOptions,
  AsyncIterableQueue,
  tts,
  USERDATA_TIMED_TRANSCRIPT,
  voice,
} from '@livekit/agents';
import type OpenAI from 'openai';
import type { SpeechCreateParams } from 'openai/resources/audio/speech';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import type { Language } from '../../config/config.ts';
import { mayRetry, toApiError } from '../api-error.ts';
import { createOpenAIClient } from '../openai-client.ts';
import type { SpeechEndpoint } from '../resolve.ts';
import { TimeLimit } from '../time-limit.ts';
import { type ClauseOptions, cutClauses, NEXT_CLAUSE } from './clauses.ts';
import { pcmFrames } from './pcm-frames.ts';
import type { Keeping, SpeechCache, SpeechKey } from './speech-cache.ts';
import { spokenText } from './spoken/spoken-text.ts';

export interface SpeechTTSOptions {
  endpoint: SpeechEndpoint;
  language: Language;
  /** Where phrases are kept. Without one everything is synthesised. */
  cache?: SpeechCache;
  /** Which clauses are kept as soon as they are spoken, as they are written. */
  keep?: (clause: string) => Keeping | undefined;
  /**
   * Whether the cache also keeps what is said often, see `SpeechCache`.
   * @defaultValue true
   */
  learns?: boolean;
  /**
   * Whether numbers, dates, abbreviations and addresses are written out in words before they are spoken.
   * @defaultValue true
   */
  spokenText?: boolean;
  /**
   * Whether the first clause is spoken before its sentence is complete.
   * @defaultValue true
   */
  earlyClauses?: boolean;
  /**
   * @defaultValue 1
   */
  speed?: number;
  /**
   * Time from the request to the first sound of a clause, the retry included, and between two pieces of it, ms.
   * @defaultValue 8000
   */
  timeoutMs?: number;
  /** Who asks, so that a shared server can queue fairly between calls. */
  user?: string;
}

/** The `pcm` format of `/audio/speech` is 24 kHz, mono, 16 bit (OpenAI API reference, «Create speech»). */
const SAMPLE_RATE = 24_000;
const CHANNELS = 1;
const DEFAULT_TIMEOUT_MS = 8_000;
const RETRY_AFTER_MS = 250;
/** What hints at a caller's own data: such clauses are not learned, however often they come. */
const PERSONAL = /[\d@]/;
/** One arriving and one waiting at the server, so that the voice never idles between clauses. */
const CLAUSES_IN_FLIGHT = 2;

/**
 * Text to speech by any server that answers `/audio/speech`, played as it arrives: the stock plugin waits for the whole
 * response (`arrayBuffer()` in plugin-openai 1.9.0). Text is cut into clauses, the first one early, and the next clause
 * is asked for while the one before it is still arriving.
 */
export class SpeechTTS extends tts.TTS {
  override label = 'charla.SpeechTTS';
  readonly #client: OpenAI;
  readonly #options: SpeechTTSOptions;
  /** Clauses that are made ahead, by their text. */
  readonly #prepared = new Map<string, Arriving & { abort: AbortController }>();
  /** How its text is cut. */
  readonly clauses: ClauseOptions;

  constructor(options: SpeechTTSOptions) {
    super(SAMPLE_RATE, CHANNELS, { streaming: true, alignedTranscript: true });
    this.#options = options;
    this.#client = createOpenAIClient(options.endpoint, { user: options.user });
    // Without early clauses the first one grows as the others do.
    this.clauses =
      options.earlyClauses === false
        ? {
            firstMin: NEXT_CLAUSE.min,
            firstPhrase: Number.POSITIVE_INFINITY,
            firstMax: NEXT_CLAUSE.max,
            secondMin: NEXT_CLAUSE.min,
            secondMax: NEXT_CLAUSE.max,
          }
        : {};
  }

  override get model(): string {
    return this.#options.endpoint.model;
  }

  override get provider(): string {
    return new URL(this.#options.endpoint.baseUrl).host;
  }

  override synthesize(
    text: string,
    connOptions?: APIConnectOptions,
    abortSignal?: AbortSignal,
  ): tts.ChunkedStream {
    return new WholeSpeech(this, text, connOptions, abortSignal);
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    return new ClauseSpeech(this, options?.connOptions);
  }

  /**
   * Begins to make the speech of a text that will be said soon: who says it first, gets it. It takes the place of a text
   * prepared before.
   */
  async prepare(text: string): Promise<void> {
    for (const { abort } of this.#prepared.values()) abort.abort();
    this.#prepared.clear();
    const once = async function* () {
      yield text;
    };
    for await (const clause of cutClauses(once(), this.clauses)) {
      const abort = new AbortController();
      const written = clause.trim();
      this.#prepared.set(written, { ...arriving(() => this.#make(written, abort.signal)), abort });
    }
  }

  /**
   * Speech of one clause: prepared, from the cache, or from the server.
   *
   * @returns PCM as it arrives: mono, 24 kHz, 16 bit little-endian, in pieces of any length
   * @throws APIStatusError or APIConnectionError, whose cause is a CharlaError
   */
  async *speak(clause: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const written = clause.trim();
    const prepared = this.#prepared.get(written);
    this.#prepared.delete(written);
    if (prepared === undefined) {
      yield* this.#make(written, signal);
      return;
    }
    signal?.addEventListener('abort', () => prepared.abort.abort(), { once: true });
    let began = false;
    for await (const piece of prepared.audio) {
      began = true;
      yield piece;
    }
    try {
      await prepared.done;
    } catch (error) {
      if (began || signal?.aborted === true) throw error;
      yield* this.#make(written, signal);
    }
  }

  async *#make(written: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const text = this.#spoken(written);
    if (!/[\p{L}\p{N}]/u.test(text)) return;
    const { endpoint, cache } = this.#options;
    const key = this.#key(text);
    const kept = await cache?.get(key);
    if (kept !== undefined) {
      yield kept;
      return;
    }
    const pieces: Uint8Array[] = [];
    const keeping = this.#options.keep?.(written);
    const learns = this.#options.learns !== false && !PERSONAL.test(written);
    const worthIt = cache !== undefined && (keeping !== undefined || learns);
    const limit = new TimeLimit(this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
    let began = false;
    try {
      const response = await pRetry(() => this.#request(text, limit.signal), {
        retries: 1,
        minTimeout: RETRY_AFTER_MS,
        signal: limit.signal,
        shouldRetry: mayRetry,
      });
      for await (const piece of response.body ?? []) {
        limit.stop();
        began ||= piece.length > 0;
        if (worthIt) pieces.push(piece);
        yield piece;
        limit.restart();
      }
      if (!began) throw new Error('its answer had no sound');
    } catch (error) {
      throw toApiError(error, 'text-to-speech', endpoint, limit, signal);
    } finally {
      limit.stop();
    }
    if (!worthIt) return;
    const pcm = Buffer.concat(pieces);
    const done = keeping === undefined ? cache.learn(key, pcm) : cache.put(key, pcm, keeping);
    // Nobody waits for the disk, and a full one costs the cache, not the voice.
    done.catch(() => undefined);
  }

  /** Reads what is kept of these clauses into memory, so that they are heard at once. */
  async preload(clauses: Iterable<string>): Promise<void> {
    const { cache } = this.#options;
    if (cache === undefined) return;
    await Promise.all([...clauses].map((clause) => cache.load(this.#key(this.#spoken(clause.trim())))));
  }

  #spoken(clause: string): string {
    return this.#options.spokenText === false ? clause : spokenText(clause, this.#options.language);
  }

  #key(text: string): SpeechKey {
    const { endpoint, language, speed = 1 } = this.#options;
    const server = endpoint.kind === 'local' ? 'charla' : endpoint.baseUrl;
    return { server, model: endpoint.model, voice: endpoint.voices[language], speed, language, text };
  }

  #request(input: string, signal: AbortSignal): Promise<Response> {
    const { endpoint, language, speed = 1 } = this.#options;
    const request: SpeechCreateParams & { language?: Language } = {
      model: endpoint.model,
      voice: endpoint.voices[language],
      input,
      response_format: 'pcm',
      speed,
      // Beyond OpenAI's fields, and known to our own server alone: a voice of another language still speaks this one.
      ...(endpoint.kind === 'local' && { language }),
    };
    return this.#client.audio.speech.create(request, { signal });
  }
}

/** A whole text at once, for callers that have it. */
class WholeSpeech extends tts.ChunkedStream {
  override label = 'charla.WholeSpeech';
  readonly #tts: SpeechTTS;

  constructor(speech: SpeechTTS, text: string, connOptions?: APIConnectOptions, abortSignal?: AbortSignal) {
    super(text, speech, connOptions, abortSignal);
    this.#tts = speech;
  }

  protected override async run(): Promise<void> {
    const requestId = randomUUID();
    try {
      for await (const frame of pcmFrames(this.#tts.speak(this.inputText, this.abortSignal), SAMPLE_RATE)) {
        this.queue.put({ requestId, segmentId: requestId, frame, final: false });
      }
    } catch (error) {
      if (!this.abortSignal.aborted) throw error;
    } finally {
      this.queue.close();
    }
  }
}

/** Speech on its way: its sound fills `audio`, and `done` says how that ended. */
interface Arriving {
  audio: AsyncIterable<Uint8Array>;
  done: Promise<void>;
}

/** @param when - starts the job when it is its turn */
function arriving(
  pieces: () => AsyncIterable<Uint8Array>,
  when: (job: () => Promise<void>) => Promise<void> = (job) => job(),
): Arriving {
  const audio = new AsyncIterableQueue<Uint8Array>();
  const done = when(async () => {
    for await (const piece of pieces()) audio.put(piece);
  }).finally(() => audio.close());
  // It is awaited when its turn to be played comes; until then a failure must not count as unhandled.
  done.catch(() => undefined);
  return { audio, done };
}

/** A stream of text, cut into clauses that are asked for ahead of the one that is being played. */
class ClauseSpeech extends tts.SynthesizeStream {
  override label = 'charla.ClauseSpeech';
  readonly #tts: SpeechTTS;
  /** Aborted when the stream is, and when a clause failed: those behind it are not wanted then. */
  readonly #givenUp = new AbortController();

  constructor(speech: SpeechTTS, connOptions?: APIConnectOptions) {
    super(speech, connOptions);
    this.#tts = speech;
    this.abortSignal.addEventListener('abort', () => this.#givenUp.abort());
  }

  protected override async run(): Promise<void> {
    const utterances = new AsyncIterableQueue<Arriving & { clause: string }>();
    const asking = this.#ask(utterances).finally(() => utterances.close());
    try {
      await this.#play(utterances);
      await asking;
      this.queue.put(tts.SynthesizeStream.END_OF_STREAM);
    } catch (error) {
      if (!this.abortSignal.aborted) throw error;
    } finally {
      this.#givenUp.abort();
    }
  }

  async #ask(utterances: AsyncIterableQueue<Arriving & { clause: string }>): Promise<void> {
    const limit = pLimit(CLAUSES_IN_FLIGHT);
    for await (const clause of cutClauses(this.#text(), this.#tts.clauses)) {
      if (this.#givenUp.signal.aborted) return;
      this.markStarted();
      const pieces = () => this.#tts.speak(clause, this.#givenUp.signal);
      utterances.put({ clause, ...arriving(pieces, limit) });
    }
  }

  async #play(utterances: AsyncIterable<Arriving & { clause: string }>): Promise<void> {
    const segmentId = randomUUID();
    let durationS = 0;
    for await (const { clause, audio, done } of utterances) {
      const requestId = randomUUID();
      let opening = true;
      for await (const frame of pcmFrames(audio, SAMPLE_RATE)) {
        if (opening) {
          // The session pairs words with sound by these, so that an interrupted turn keeps just what was heard.
          frame.userdata[USERDATA_TIMED_TRANSCRIPT] = [
            voice.createTimedString({ text: clause, startTime: durationS }),
          ];
          opening = false;
        }
        durationS += frame.samplesPerChannel / SAMPLE_RATE;
        this.queue.put({ requestId, segmentId, frame, final: false });
      }
      await done;
    }
  }

  async *#text(): AsyncGenerator<string> {
    for await (const input of this.input) {
      if (this.#givenUp.signal.aborted) return;
      if (input !== tts.SynthesizeStream.FLUSH_SENTINEL) yield input;
    }
  }
}
