import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ClauseRequest, ClauseSpeech } from '../engines/engine.ts';
import type { LocalModels } from '../local-models.ts';
import { kokoroVoice } from '../speech-voices.ts';
import { splitClauses } from '../split-clauses.ts';
import { wavHeader } from '../wav-header.ts';
import { clientKey, clientSignal } from './client.ts';

const SAMPLE_RATE = 24_000;
const LONGEST_TEXT = 8000;

const body = z.object({
  model: z.string().min(1),
  input: z.string().min(1).max(LONGEST_TEXT),
  voice: z.string().min(1).default('alloy'),
  response_format: z
    .enum(['pcm', 'wav'], { error: 'pcm and wav are served here; ask for one of them' })
    .default('wav'),
  speed: z.number().min(0.25).max(4).default(1),
  language: z.enum(['es', 'en']).optional(),
  user: z.string().min(1).max(200).optional(),
});

/**
 * `POST /v1/audio/speech`: 24 kHz mono 16 bit, sent clause by clause as each is ready. `response_format` is wav (unlike
 * OpenAI's, whose default is mp3) or pcm; `language` (es, en) goes beyond OpenAI's fields.
 */
export function speechRoutes(server: FastifyInstance, models: LocalModels): void {
  server.post('/v1/audio/speech', async (request, reply) => {
    const {
      model: name,
      input,
      voice: wanted,
      response_format: format,
      speed,
      ...rest
    } = body.parse(request.body);
    const signal = clientSignal(reply);
    const { model, host, directory } = await models.engine(name, 'tts');
    const { voice, language } =
      model.engine === 'kokoro'
        ? await kokoroVoice(directory, wanted, rest.language)
        : { voice: model.id, language: model.languages.includes('es') ? ('es' as const) : ('en' as const) };
    const client = clientKey(request, rest.user);
    // What is said is heard first, and what follows it is wanted only later: the voice goes before its model.
    const run = (clause: ClauseRequest) =>
      models.aheadOfModel(client, () => host.run(clause, { client, signal }));
    const pieces = speak(splitClauses(input), { voice, language, speed }, run);
    // An error before the first sound can still be answered as one.
    const first = await pieces.next();
    const audio = async function* () {
      if (format === 'wav') yield wavHeader(SAMPLE_RATE);
      if (first.done !== true) yield first.value;
      yield* pieces;
    };
    reply.type(format === 'wav' ? 'audio/wav' : 'audio/pcm');
    return reply.send(Readable.from(audio(), { objectMode: false, highWaterMark: 1 }));
  });
}

async function* speak(
  clauses: ReturnType<typeof splitClauses>,
  voice: Omit<ClauseRequest, 'text'>,
  run: (clause: ClauseRequest) => Promise<ClauseSpeech>,
): AsyncGenerator<Buffer> {
  for (const [index, { text, pauseMs }] of clauses.entries()) {
    const { pcm } = await run({ text, ...voice });
    yield Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
    const isLast = index === clauses.length - 1;
    if (!isLast) yield Buffer.alloc(2 * Math.round((pauseMs / 1000 / voice.speed) * SAMPLE_RATE));
  }
}
