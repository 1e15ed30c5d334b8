import { parseArgs } from 'node:util';
import { z } from 'zod';
import { endWithSupervisor, isSupervised } from '../../src/cli/dev/end-with-supervisor.ts';
import {
  type ChatMessage,
  type FixedRequest,
  startFixedEngines,
  type TranscriptionRequest,
} from '../../test/support/fixed-engines.ts';
import { type Clip, heardWords } from './heard-words.ts';

/*
 * The engines with fixed delays in a process of their own: beside the callers they would wait for each other's event
 * loop. `PUT /bench/clips` and `PUT /bench/answer` say what callers may say, and what the model answers from now on;
 * `GET /bench/requests` tells what was asked. `fixed-engines-client.ts` knows them.
 */
if (isSupervised()) endWithSupervisor();
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    transcript: { type: 'string', default: '' },
    answer: { type: 'string', default: '' },
    'token-ms': { type: 'string', default: '20' },
    'pitch-rise': { type: 'string', default: '0' },
    'ms-per-character': { type: 'string', default: '60' },
  },
});

let { answer } = values;
let clips: Clip[] | undefined;
const texts = new Map<FixedRequest, string>();
await startFixedEngines({
  port: Number(values.port),
  transcript: (request) => {
    const text = transcribe(request);
    texts.set(request, text);
    return text;
  },
  tokenMs: Number(values['token-ms']),
  pitchRise: Number(values['pitch-rise']),
  msPerCharacter: Number(values['ms-per-character']),
  answer: (messages) => answer.replace('{{heard}}', unanswered(messages)),
  routes: (app, requests) => {
    app.put('/bench/clips', { bodyLimit: 10 * 2 ** 20 }, async ({ body }) => {
      clips = z
        .array(z.object({ text: z.string(), alone: z.string().exactOptional(), levels: z.array(z.number()) }))
        .parse(body);
      return { clips: clips.length };
    });
    app.put('/bench/answer', async ({ body }) => {
      answer = z.object({ answer: z.string() }).parse(body).answer;
      return { answer };
    });
    app.get('/bench/requests', async () => requests.map(told));
  },
});

function transcribe({ file }: TranscriptionRequest): string {
  if (clips === undefined) return values.transcript;
  const { pcm, sampleRate } = decodeWav(file);
  return heardWords(pcm, sampleRate, clips);
}

/** All that the caller has said since the agent's last words. */
function unanswered(messages: readonly ChatMessage[]): string {
  const answered = messages.findLastIndex(({ role }) => role === 'assistant');
  const said = messages.slice(answered + 1).filter(({ role }) => role === 'user');
  return said.map(({ content }) => content).join(' ');
}

function told(request: FixedRequest): object {
  const { kind, at, finishedAt, abortedAt, headers } = request;
  return {
    kind,
    by: String(headers.authorization ?? '').replace('Bearer ', ''),
    state: finishedAt !== undefined ? 'answered' : abortedAt !== undefined ? 'given up' : 'running',
    ...(finishedAt !== undefined && { answeredAt: performance.timeOrigin + finishedAt }),
    tookMs: (finishedAt ?? abortedAt ?? performance.now()) - at,
    ...(kind === 'stt' && { audioMs: audioMs(request.file), text: texts.get(request) }),
  };
}

function audioMs(file: Buffer): number {
  const { pcm, sampleRate } = decodeWav(file);
  return (pcm.length / sampleRate) * 1000;
}

/** Both pipelines write the plain header of 44 bytes before mono samples of 16 bit. */
function decodeWav(file: Buffer): { pcm: Int16Array; sampleRate: number } {
  const samples = file.subarray(44);
  const pcm = new Int16Array(Math.floor(samples.length / 2));
  for (let at = 0; at < pcm.length; at += 1) pcm[at] = samples.readInt16LE(at * 2);
  return { pcm, sampleRate: file.readUInt32LE(24) };
}
