import multipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import type { Transcription } from '../engines/engine.ts';
import type { LocalModels } from '../local-models.ts';
import { clientKey, clientSignal } from './client.ts';

const MOST_BYTES = 25 * 1024 * 1024;
/** Whisper reads the last 224 tokens of a prompt. */
const LONGEST_PROMPT = 2000;

const fields = z.object({
  model: z.string().min(1),
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/i, 'is no ISO 639-1 code')
    .toLowerCase()
    .optional(),
  prompt: z.string().max(LONGEST_PROMPT).optional(),
  response_format: z.enum(['json', 'text', 'verbose_json']).default('json'),
  temperature: z.coerce.number().min(0).max(1).default(0),
  user: z.string().min(1).max(200).optional(),
});

/**
 * `POST /v1/audio/transcriptions` (multipart): `file` (wav, flac, mp3, ogg, m4a, up to 25 MB), `model`, `language`,
 * `prompt`, `response_format` json | text | verbose_json, `temperature`. Silence and noise give an empty text.
 */
export async function transcriptionRoutes(server: FastifyInstance, models: LocalModels): Promise<void> {
  await server.register(multipart, {
    limits: { fileSize: MOST_BYTES, files: 1, fields: 20, fieldSize: 65_536 },
  });

  server.post('/v1/audio/transcriptions', { bodyLimit: MOST_BYTES + 65_536 }, async (request, reply) => {
    const signal = clientSignal(reply);
    const { audio, values } = await readForm(request.parts());
    const { model, language, prompt, response_format: format, temperature, user } = fields.parse(values);
    if (audio === undefined) {
      throw new CharlaError('CHARLA_REQUEST_INVALID', { problems: 'file: is missing', param: 'file' });
    }
    const { host } = await models.engine(model, 'stt');
    const job = {
      audio,
      temperature,
      ...(language === undefined ? {} : { language }),
      ...(prompt === undefined || prompt === '' ? {} : { prompt }),
    };
    const client = clientKey(request, user);
    // Who speaks over an answer decides whether it goes on: until that is known it need not be written.
    const transcription = await models.aheadOfModel(client, () => host.run(job, { client, signal }));
    if (format === 'text') return reply.type('text/plain; charset=utf-8').send(`${transcription.text}\n`);
    return format === 'json' ? { text: transcription.text } : verbose(transcription, temperature);
  });
}

type Parts = ReturnType<import('fastify').FastifyRequest['parts']>;

async function readForm(parts: Parts): Promise<{ audio?: Buffer; values: Record<string, unknown> }> {
  const values: Record<string, unknown> = Object.create(null);
  let audio: Buffer | undefined;
  for await (const part of parts) {
    if (part.type === 'file') audio = await part.toBuffer();
    else values[part.fieldname] = part.value;
  }
  return { values: { ...values }, ...(audio === undefined ? {} : { audio }) };
}

function verbose({ text, language, durationMs, noSpeechProb, segments }: Transcription, temperature: number) {
  const said = segments.map((segment, id) => ({
    id,
    seek: 0,
    start: segment.startMs / 1000,
    end: segment.endMs / 1000,
    text: segment.text,
    tokens: [],
    temperature,
    no_speech_prob: noSpeechProb,
  }));
  return {
    task: 'transcribe',
    language,
    duration: durationMs / 1000,
    text,
    no_speech_prob: noSpeechProb,
    segments: said,
  };
}
