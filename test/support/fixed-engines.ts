import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import multipart from '@fastify/multipart';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import wavefile from 'wavefile';
import { z } from 'zod';

/** Sample rate of the speech, Hz. */
export const FIXED_SPEECH_SAMPLE_RATE = 24_000;

export interface Recognised {
  text: string;
  /** @defaultValue 0.01 */
  noSpeechProb?: number;
  /** @defaultValue -0.2 */
  avgLogprob?: number;
}

export interface ChatMessage {
  role: string;
  content: string;
}

/** The model calls a tool. */
export interface FixedToolCall {
  call: string;
  args: object;
  /** Said before, in the same answer. */
  say?: string;
}

export interface FixedEnginesOptions {
  /** 0 takes a free one. */
  port?: number;
  /**
   * Time from an utterance to its text, ms.
   * @defaultValue 100
   */
  sttMs?: number;
  /**
   * Time to the model's first token, ms.
   * @defaultValue 50
   */
  firstTokenMs?: number;
  /**
   * Time between two tokens, ms.
   * @defaultValue 20
   */
  tokenMs?: number;
  /**
   * Time to the first sound, ms.
   * @defaultValue 50
   */
  firstAudioMs?: number;
  /**
   * Time between two pieces of 100 ms of sound, ms; 0 sends them as fast as they are taken.
   * @defaultValue 0
   */
  audioPieceMs?: number;
  /**
   * Sound for each character of text, ms.
   * @defaultValue 60
   */
  msPerCharacter?: number;
  /**
   * How much higher the voice gets with each second of a text, Hz, so that one can hear where in it one is.
   * @defaultValue 0
   */
  pitchRise?: number;
  /** What was said: always the same, one after another (the last one stays), or whatever a function hears. */
  transcript?: string | string[] | ((request: TranscriptionRequest) => string | Recognised);
  /** What the model answers. */
  answer?: string | ((messages: ChatMessage[]) => string | FixedToolCall);
  /** More routes of the same server. */
  routes?: (app: FastifyInstance, requests: readonly FixedRequest[]) => void;
}

/** A request as it came, and what became of it. */
interface Received {
  /** Arrival, ms of `performance.now()`. */
  at: number;
  headers: Record<string, unknown>;
  /** When the last byte of the answer was written; undefined while it runs, and when it was cut or given up. */
  finishedAt?: number;
  /** The client went away before the answer was complete. */
  abortedAt?: number;
}
export interface TranscriptionRequest extends Received {
  kind: 'stt';
  /** Form fields beside the file: model, language, response_format, prompt… */
  fields: Record<string, string>;
  file: Buffer;
}
export interface ChatRequest extends Received {
  kind: 'llm';
  body: z.output<typeof chatBody>;
}
export interface SpeechRequest extends Received {
  kind: 'tts';
  body: z.output<typeof speechBody>;
}
export type FixedRequest = TranscriptionRequest | ChatRequest | SpeechRequest;

/** What goes wrong, for the next `times` requests of one kind (all of them unless given). */
export interface Fault {
  /** Answers with this status and an error in OpenAI's form. */
  status?: number;
  headers?: Record<string, string>;
  /** Takes the request and never answers. */
  hang?: boolean;
  /** Sends this many bytes of the answer and drops the connection. */
  cutAfterBytes?: number;
  /** Sends this many bytes of the answer and then nothing. */
  stallAfterBytes?: number;
  times?: number;
}

export interface FixedEngines {
  /** With `/v1`. */
  baseUrl: string;
  /** All requests in order of arrival. */
  requests: FixedRequest[];
  fail(kind: FixedRequest['kind'], fault: Fault): void;
  /** Takes back all faults. */
  heal(): void;
  close(): Promise<void>;
}

const chatBody = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  messages: z.array(
    z.looseObject({
      role: z.string(),
      content: z
        .union([z.string(), z.array(z.looseObject({ text: z.string().optional() })), z.null()])
        .default('')
        .transform((content) =>
          typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join(''),
        ),
    }),
  ),
});
const speechBody = z.looseObject({
  model: z.string(),
  input: z.string(),
  voice: z.string(),
  response_format: z.string().optional(),
  speed: z.number().optional(),
});

const PIECE_BYTES = (FIXED_SPEECH_SAMPLE_RATE / 10) * 2;

/**
 * An OpenAI-compatible server whose engines take a fixed time and no processor: what a pipeline adds of its own shows.
 * It answers what our providers and the stock plugin-openai ask for, and fails on demand.
 */
export async function startFixedEngines(options: FixedEnginesOptions = {}): Promise<FixedEngines> {
  const { sttMs = 100, firstTokenMs = 50, tokenMs = 20, firstAudioMs = 50, audioPieceMs = 0 } = options;
  const requests: FixedRequest[] = [];
  const faults: Array<Fault & { kind: FixedRequest['kind']; times: number }> = [];
  const app = Fastify({ forceCloseConnections: true, bodyLimit: 50 * 2 ** 20 });
  await app.register(multipart, { limits: { fileSize: 50 * 2 ** 20 } });

  /** Notes the request and lets the fault that waits for it, if any, happen. */
  const admit = async (request: FixedRequest, reply: FastifyReply): Promise<Answer | undefined> => {
    requests.push(request);
    const fault = faults.find((one) => one.kind === request.kind && one.times > 0);
    if (fault !== undefined) fault.times -= 1;
    reply.hijack();
    const answer = new Answer(request, reply, fault);
    if (fault?.status !== undefined) {
      answer.head('application/json', fault.status, fault.headers);
      const error = { message: 'a fault of the fixed engines', type: 'server_error' };
      await answer.end(JSON.stringify({ error }));
      return undefined;
    }
    return fault?.hang === true ? undefined : answer;
  };

  app.post('/v1/audio/transcriptions', async (http, reply) => {
    const request: TranscriptionRequest = { kind: 'stt', ...received(http), ...(await form(http)) };
    const answer = await admit(request, reply);
    if (answer === undefined) return;
    const heard = recognise(options.transcript ?? 'hola', request, requests);
    // Hearing takes its time too, where a function does it.
    await sleep(Math.max(0, sttMs - (performance.now() - request.at)));
    const { text, noSpeechProb = 0.01, avgLogprob = -0.2 } = heard;
    switch (request.fields.response_format) {
      case 'text':
        answer.head('text/plain');
        return answer.end(text);
      case 'verbose_json':
        answer.head('application/json');
        return answer.end(
          JSON.stringify({
            task: 'transcribe',
            language: request.fields.language ?? 'es',
            text,
            segments: [{ id: 0, text, no_speech_prob: noSpeechProb, avg_logprob: avgLogprob }],
          }),
        );
      default:
        answer.head('application/json');
        return answer.end(JSON.stringify({ text }));
    }
  });

  app.post('/v1/chat/completions', async (http, reply) => {
    const body = chatBody.parse(http.body);
    const answer = await admit({ kind: 'llm', ...received(http), body }, reply);
    if (answer === undefined) return;
    const { answer: said = 'Vale.' } = options;
    const wanted = typeof said === 'string' ? said : said(body.messages);
    const text = typeof wanted === 'string' ? wanted : '';
    const base = { id: 'chatcmpl-fixed', created: 0, model: body.model };
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    await sleep(firstTokenMs);
    if (body.stream !== true) {
      answer.head('application/json');
      const message = { role: 'assistant', content: text };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      return answer.end(JSON.stringify({ ...base, object: 'chat.completion', choices, usage }));
    }
    const event = (delta: object, finish: string | null = null, more: object = {}) =>
      `data: ${JSON.stringify({
        ...base,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, finish_reason: finish }],
        ...more,
      })}\n\n`;
    answer.head('text/event-stream');
    if (typeof wanted !== 'string') {
      const called = { name: wanted.call, arguments: JSON.stringify(wanted.args) };
      const call = { index: 0, id: `call_${requests.length}`, type: 'function', function: called };
      if (wanted.say !== undefined) await answer.write(event({ role: 'assistant', content: wanted.say }));
      await answer.write(event({ role: 'assistant', content: null, tool_calls: [call] }));
      return answer.end(`${event({}, 'tool_calls', { usage })}data: [DONE]\n\n`);
    }
    const tokens = text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
    for (const [index, content] of tokens.entries()) {
      if (index > 0) await sleep(tokenMs);
      if (!(await answer.write(event(index === 0 ? { role: 'assistant', content } : { content })))) return;
    }
    await answer.end(`${event({}, 'stop', { usage })}data: [DONE]\n\n`);
  });

  app.post('/v1/audio/speech', async (http, reply) => {
    const body = speechBody.parse(http.body);
    const answer = await admit({ kind: 'tts', ...received(http), body }, reply);
    if (answer === undefined) return;
    const seconds = ((options.msPerCharacter ?? 60) * body.input.length) / 1000 / (body.speed ?? 1);
    const pcm = fixedSpeech(seconds, options.pitchRise);
    await sleep(firstAudioMs);
    if (body.response_format === 'wav') {
      const wav = new wavefile.WaveFile();
      wav.fromScratch(1, FIXED_SPEECH_SAMPLE_RATE, '16', pcm);
      answer.head('audio/wav');
      return answer.end(wav.toBuffer());
    }
    answer.head('audio/pcm');
    const bytes = Buffer.from(pcm.buffer);
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      if (start > 0 && audioPieceMs > 0) await sleep(audioPieceMs);
      if (!(await answer.write(bytes.subarray(start, start + PIECE_BYTES)))) return;
    }
    await answer.end();
  });

  app.get('/v1/models', async () => ({ object: 'list', data: [{ id: 'fixed', object: 'model' }] }));
  app.get('/health', async () => ({ status: 'ok' }));
  options.routes?.(app, requests);

  await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    fail: (kind, fault) => faults.push({ times: Number.POSITIVE_INFINITY, ...fault, kind }),
    heal: () => faults.splice(0),
    close: () => app.close(),
  };
}

/** Pitch at the beginning of a text, Hz. */
export const FIXED_PITCH = 140;

/**
 * A voice without words: harmonics of {@link FIXED_PITCH} that swell four times a second.
 *
 * @param pitchRise - Hz for each second
 * @returns mono, {@link FIXED_SPEECH_SAMPLE_RATE}
 */
export function fixedSpeech(seconds: number, pitchRise = 0): Int16Array {
  const pcm = new Int16Array(Math.round(seconds * FIXED_SPEECH_SAMPLE_RATE));
  for (let at = 0; at < pcm.length; at += 1) {
    const time = at / FIXED_SPEECH_SAMPLE_RATE;
    const phase = 2 * Math.PI * (FIXED_PITCH * time + (pitchRise * time ** 2) / 2);
    let wave = 0;
    for (let harmonic = 1; harmonic <= 6; harmonic += 1) wave += Math.sin(phase * harmonic) / harmonic;
    pcm[at] = 5_000 * wave * (0.6 - 0.4 * Math.cos(2 * Math.PI * 4 * time));
  }
  return pcm;
}

/** One answer on the wire, with the fault that cuts it short. */
class Answer {
  readonly #request: FixedRequest;
  readonly #raw: FastifyReply['raw'];
  readonly #fault: Fault | undefined;
  #sent = 0;

  constructor(request: FixedRequest, reply: FastifyReply, fault: Fault | undefined) {
    this.#request = request;
    this.#raw = reply.raw;
    this.#fault = fault;
    this.#raw.once('close', () => {
      if (!this.#raw.writableFinished) request.abortedAt = performance.now();
    });
  }

  head(contentType: string, status = 200, headers: Record<string, string> = {}): void {
    if (!this.#raw.destroyed) this.#raw.writeHead(status, { 'content-type': contentType, ...headers });
  }

  /** @returns whether more may follow */
  async write(piece: string | Uint8Array): Promise<boolean> {
    if (this.#raw.destroyed) return false;
    const bytes = Buffer.from(piece);
    const limit = this.#fault?.cutAfterBytes ?? this.#fault?.stallAfterBytes ?? Number.POSITIVE_INFINITY;
    const part = bytes.subarray(0, limit - this.#sent);
    this.#sent += part.length;
    if (!this.#raw.write(part)) await Promise.race([once(this.#raw, 'drain'), once(this.#raw, 'close')]);
    if (this.#sent < limit) return true;
    if (this.#fault?.cutAfterBytes !== undefined) {
      // What was written must reach the client before the connection goes.
      await sleep(20);
      this.#raw.destroy();
    }
    return false;
  }

  async end(piece: string | Uint8Array = ''): Promise<void> {
    if (!(await this.write(piece))) return;
    this.#raw.end();
    this.#request.finishedAt = performance.now();
  }
}

function received(http: FastifyRequest): Received {
  return { at: performance.now(), headers: http.headers };
}

async function form(http: FastifyRequest): Promise<Pick<TranscriptionRequest, 'fields' | 'file'>> {
  const fields: Record<string, string> = {};
  let file: Buffer = Buffer.alloc(0);
  for await (const part of http.parts()) {
    if (part.type === 'file') file = await part.toBuffer();
    else fields[part.fieldname] = String(part.value);
  }
  return { fields, file };
}

function recognise(
  transcript: NonNullable<FixedEnginesOptions['transcript']>,
  request: TranscriptionRequest,
  requests: FixedRequest[],
): Recognised {
  if (typeof transcript === 'string') return { text: transcript };
  if (typeof transcript === 'function') {
    const heard = transcript(request);
    return typeof heard === 'string' ? { text: heard } : heard;
  }
  const index = requests.filter((one) => one.kind === 'stt').indexOf(request);
  return { text: transcript[Math.min(index, transcript.length - 1)] ?? '' };
}
