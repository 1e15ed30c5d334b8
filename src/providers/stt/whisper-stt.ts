import { type APIConnectOptions, type AudioBuffer, normalizeLanguage, stt, type VAD } from '@livekit/agents';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import pRetry from 'p-retry';
import { z } from 'zod';
import type { Language } from '../../config/config.ts';
import { mayRetry, toApiError } from '../api-error.ts';
import { createOpenAIClient } from '../openai-client.ts';
import type { Endpoint } from '../resolve.ts';
import { TimeLimit } from '../time-limit.ts';
import { asQuestion } from './spanish-questions.ts';
import { type SpeculationResult, SpeculativeSpeechStream } from './speculative-speech-stream.ts';
import { loudestLevelDb, wasSaid, withoutLoops } from './transcript-gate.ts';
import { encodeWav, joinFrames } from './wav.ts';

export interface WhisperSTTOptions {
  endpoint: Endpoint;
  language: Language;
  /** Finds where speech begins and ends inside the stream. */
  vad: VAD;
  /**
   * Time from an utterance to its text, the retry included, ms.
   * @defaultValue 6000
   */
  timeoutMs?: number;
  /**
   * Whether an utterance is sent when a pause begins, and not only when the pause has ended it.
   * @defaultValue true
   */
  speculative?: boolean;
  /**
   * Whether the words of long speech are guessed before it pauses, for captions.
   * @defaultValue true
   */
  interim?: boolean;
  /** Told of each window of sound that a voice may be in, before it counts as speech. */
  onVoice?: (agoMs: number) => void;
  /** Told when somebody had seemed to speak, nothing was said (or nothing that counts), and it is quiet again. */
  onNothing?: () => void;
  /** Told when an utterance is over and its words are not there yet, and when they are. */
  onTranscribing?: (busy: boolean) => void;
  /** Told what became of each transcription begun before the caller had finished, and how long the engine worked, ms. */
  onSpeculation?: (result: SpeculationResult, engineMs: number) => void;
  /** Transcripts that count as if nobody had spoken. */
  ignores?: (transcript: string) => boolean;
  /** Who asks, so that a shared server can queue fairly between calls. */
  user?: string;
}

const DEFAULT_TIMEOUT_MS = 6_000;
const RETRY_AFTER_MS = 250;
/** Whisper reads at most 224 tokens of prompt (openai/whisper decoding.py, `n_text_ctx // 2 - 1`). */
const MAX_PROMPT_CHARS = 400;

const verboseTranscription = z.object({
  text: z.string(),
  segments: z
    .array(z.object({ no_speech_prob: z.number().nullish(), avg_logprob: z.number().nullish() }))
    .nullish(),
});

/**
 * Speech to text by any server that answers `/audio/transcriptions` for a whole utterance. Towards the session it
 * streams: it hears where speech ends by itself and asks early, see {@link SpeculativeSpeechStream}.
 *
 * A request has a time limit and one retry. What then fails reaches the session as an `error` event, and what was
 * noise comes back as an empty text rather than as «Gracias».
 */
export class WhisperSTT extends stt.STT {
  override label = 'charla.WhisperSTT';
  readonly #client: OpenAI;
  readonly #options: WhisperSTTOptions;
  #prompt = '';

  constructor(options: WhisperSTTOptions) {
    super({ streaming: true, interimResults: options.interim ?? true, alignedTranscript: false });
    this.#options = options;
    this.#client = createOpenAIClient(options.endpoint, { user: options.user });
  }

  override get model(): string {
    return this.#options.endpoint.model;
  }

  override get provider(): string {
    return new URL(this.#options.endpoint.baseUrl).host;
  }

  /** Names and terms to expect, so that they are heard right. They replace those given before. */
  setTerms(terms: readonly string[]): void {
    this.#prompt = terms.length === 0 ? '' : `${terms.join(', ').slice(0, MAX_PROMPT_CHARS)}.`;
  }

  override stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const { vad, speculative = true, onVoice = nothing, onNothing = nothing } = this.#options;
    const { onTranscribing = nothing, onSpeculation = nothing } = this.#options;
    const { interimResults: interim } = this.capabilities;
    const ahead = { speculative, interim, onVoice, onNothing, onTranscribing, onSpeculation };
    return new SpeculativeSpeechStream(this, vad, ahead, options?.connOptions);
  }

  /**
   * Transcribes one utterance.
   *
   * @throws APIStatusError or APIConnectionError, whose cause is a CharlaError with the sentence for people
   */
  protected override async _recognize(
    buffer: AudioBuffer,
    abortSignal?: AbortSignal,
  ): Promise<stt.SpeechEvent> {
    const frames = Array.isArray(buffer) ? buffer : [buffer];
    const { sampleRate = 16_000, channels = 1 } = frames[0] ?? {};
    const pcm = joinFrames(frames);
    const { endpoint, language, timeoutMs = DEFAULT_TIMEOUT_MS, ignores } = this.#options;
    const limit = new TimeLimit(timeoutMs, abortSignal);
    try {
      const answer = await pRetry(() => this.#request(encodeWav(pcm, sampleRate, channels), limit.signal), {
        retries: 1,
        minTimeout: RETRY_AFTER_MS,
        signal: limit.signal,
        shouldRetry: mayRetry,
      });
      const { text, segments: parts } = verboseTranscription.parse(answer);
      const segments = parts ?? [];
      const recognition = {
        text: text.trim(),
        noSpeechProb: segments.length === 0 ? 0 : Math.min(...segments.map((one) => one.no_speech_prob ?? 0)),
        avgLogprob: highest(segments.flatMap((one) => one.avg_logprob ?? [])),
        levelDb: loudestLevelDb(pcm, sampleRate * channels),
      };
      const heard = wasSaid(recognition, language) ? withoutLoops(recognition.text) : '';
      const said = language === 'es' ? asQuestion(heard) : heard;
      return {
        type: stt.SpeechEventType.FINAL_TRANSCRIPT,
        alternatives: [
          {
            text: ignores?.(said) === true ? '' : said,
            language: normalizeLanguage(language),
            startTime: 0,
            endTime: 0,
            confidence: Math.exp(recognition.avgLogprob ?? 0),
          },
        ],
      };
    } catch (error) {
      throw toApiError(error, 'speech-to-text', endpoint, limit, abortSignal);
    } finally {
      limit.stop();
    }
  }

  async #request(wav: Buffer, signal: AbortSignal): Promise<unknown> {
    const { endpoint, language } = this.#options;
    return this.#client.audio.transcriptions.create(
      {
        file: await toFile(wav, 'utterance.wav', { type: 'audio/wav' }),
        model: endpoint.model,
        language,
        temperature: 0,
        // gpt-4o-transcribe and its kind know plain json only.
        response_format: endpoint.model.includes('transcribe') ? 'json' : 'verbose_json',
        ...(this.#prompt === '' ? {} : { prompt: this.#prompt }),
      },
      { signal },
    );
  }
}

function nothing(): void {}

function highest(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}
