import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Recording } from '../../calls/recording-store.ts';
import { CharlaError, messageOf } from '../../errors.ts';
import { MEDIA_TYPES } from '../../recording-media-types.ts';
import type { HttpContext } from '../context.ts';
import { requestedRange } from '../requested-range.ts';
import { idSchema, STORE_PROBLEMS, timeSchema } from '../schemas.ts';

const paramsSchema = z.object({ id: idSchema, recording: idSchema });
const sound = z.custom<Readable>().meta({ type: 'string', format: 'binary', examples: ['OggS…'] });

export const EXAMPLE_RECORDING = {
  id: '0c2f8a53-6f4e-4a53-9a2f-52d6a1c3f7de',
  format: 'ogg' as const,
  bytes: 1_204_300,
  duration_ms: 196_480,
  created_at: '2026-01-01T12:00:04.200Z',
};

export const recordingSchema = z
  .object({
    id: z.string(),
    format: z
      .enum(['ogg', 'wav'])
      .describe('Opus in Ogg, or WAV: the caller on the left, the agent on the right.'),
    bytes: z.int(),
    duration_ms: z.int(),
    created_at: z.iso.datetime().describe('When it began.'),
  })
  .meta({
    id: 'Recording',
    examples: [EXAMPLE_RECORDING],
  });

/** Recordings of calls. They are listed in `GET /calls/{id}`. */
export const recordingRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { recordings, config } = context;
  const incoming = join(config.CHARLA_HOME, 'recordings', 'incoming');
  // Streamed: not held in memory, nor to the size of other requests.
  app.addContentTypeParser(
    Object.values(MEDIA_TYPES),
    async (_request: unknown, payload: Readable) => payload,
  );

  app.route({
    method: 'PUT',
    url: '/calls/:id/recordings/:recording',
    schema: {
      tags: ['calls'],
      summary: 'Keep the recording of a call',
      description: 'For workers. The same one sent again changes nothing.',
      problems: ['CHARLA_CALL_NOT_FOUND', 'CHARLA_RECORDINGS_UNAVAILABLE', ...STORE_PROBLEMS],
      params: paramsSchema,
      querystring: z.object({
        duration_ms: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
        created_at: timeSchema.describe('When it began.'),
      }),
      consumes: Object.values(MEDIA_TYPES),
      body: sound,
      response: { 200: recordingSchema },
    },
    handler: async ({ params, query, body, headers }) => {
      const { id: callId, recording: id } = params;
      const format = headers['content-type']?.startsWith(MEDIA_TYPES.wav) === true ? 'wav' : 'ogg';
      if (!(body instanceof Readable)) throw new CharlaError('CHARLA_MEDIA_TYPE_UNSUPPORTED');
      await recordings.requireCall(callId);
      const there = await recordings.get(callId, id);
      if (there !== undefined) return recordingAnswer(there);
      const path = join(incoming, `${randomUUID()}.${format}`);
      try {
        const bytes = await receive(body, { folder: incoming, path, mostBytes: mostBytes(config) });
        const { duration_ms: durationMs, created_at: createdAt } = query;
        return recordingAnswer(
          await recordings.add({ id, callId, format, bytes, durationMs, createdAt }, path),
        );
      } finally {
        await rm(path, { force: true }).catch(() => undefined);
      }
    },
  });

  app.route({
    method: 'GET',
    url: '/calls/:id/recordings/:recording',
    schema: {
      tags: ['calls'],
      summary: 'Listen to the recording of a call',
      description: 'Answers part of it to a request with the header `Range`.',
      problems: ['CHARLA_RECORDING_NOT_FOUND', 'CHARLA_RECORDINGS_UNAVAILABLE', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: {
        200: { description: 'All of it.', content: soundContent },
        206: { description: 'The part that was asked for.', content: soundContent },
      },
    },
    handler: async ({ params, headers }, reply) => {
      const { id: callId, recording: id } = params;
      const found = await recordings.get(callId, id);
      if (found === undefined) throw new CharlaError('CHARLA_RECORDING_NOT_FOUND', { call: callId, id });
      const { bytes, format } = found;
      const range = requestedRange(headers.range, bytes);
      const stream = await recordings.read(found, range);
      reply
        .type(MEDIA_TYPES[format])
        .header('accept-ranges', 'bytes')
        .header('cache-control', 'private, no-store');
      if (range === undefined) return reply.header('content-length', bytes).send(stream);
      return reply
        .code(206)
        .header('content-length', range.end - range.start + 1)
        .header('content-range', `bytes ${range.start}-${range.end}/${bytes}`)
        .send(stream);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/calls/:id/recordings/:recording',
    schema: {
      tags: ['calls'],
      summary: 'Delete the recording of a call',
      description: 'What was said stays in the history; `DELETE /sessions/{id}` deletes that too.',
      problems: ['CHARLA_RECORDING_NOT_FOUND', 'CHARLA_RECORDINGS_UNAVAILABLE', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 204: z.undefined().describe('Deleted.') },
    },
    handler: async ({ params }, reply) => {
      const { id: call, recording: id } = params;
      if (!(await recordings.delete(call, id)))
        throw new CharlaError('CHARLA_RECORDING_NOT_FOUND', { call, id });
      return reply.code(204).send();
    },
  });
};

const soundContent = Object.fromEntries(Object.values(MEDIA_TYPES).map((type) => [type, { schema: sound }]));

/** Some more than a worker records before it looks at the size. */
function mostBytes({ RECORDINGS_MAX_MB }: HttpContext['config']): number {
  return (RECORDINGS_MAX_MB + 16) * 2 ** 20;
}

/** Writes what comes into a file. @returns its bytes @throws CharlaError `CHARLA_BODY_TOO_LARGE`, `CHARLA_RECORDINGS_UNAVAILABLE` */
async function receive(
  body: Readable,
  { folder, path, mostBytes }: { folder: string; path: string; mostBytes: number },
): Promise<number> {
  let bytes = 0;
  const counted = new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      const limit = `${Math.floor(mostBytes / 2 ** 20)} MiB`;
      done(bytes > mostBytes ? new CharlaError('CHARLA_BODY_TOO_LARGE', { limit }) : null, piece);
    },
  });
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await pipeline(body, counted, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    if (error instanceof CharlaError) throw error;
    throw new CharlaError('CHARLA_RECORDINGS_UNAVAILABLE', { reason: messageOf(error) }, { cause: error });
  }
  return bytes;
}

/** A recording as the HTTP API shows it. */
export function recordingAnswer(
  recording: Omit<Recording, 'file' | 'storage'>,
): z.output<typeof recordingSchema> {
  const { id, format, bytes, durationMs, createdAt } = recording;
  return { id, format, bytes, duration_ms: durationMs, created_at: createdAt.toISOString() };
}
