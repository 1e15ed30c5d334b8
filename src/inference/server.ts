import { availableParallelism } from 'node:os';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { CharlaError } from '../errors.ts';
import { DEFAULT_MODELS } from './catalogue.ts';
import { LocalModels } from './local-models.ts';
import { sendOpenAiError } from './openai-error.ts';
import { speechRoutes } from './routes/audio-speech.ts';
import { transcriptionRoutes } from './routes/audio-transcriptions.ts';
import { chatRoutes } from './routes/chat-completions.ts';
import { ClientGoneError } from './routes/client.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';

export interface InferenceOptions {
  /** Where models are kept: `<home>/models/<id>/`. */
  home: string;
  log: FastifyBaseLogger;
  /** Models that are loaded at the start. @defaultValue {@link DEFAULT_MODELS} */
  models?: readonly string[];
  /** Cores that each model may use; 0 takes all, at most 8. @defaultValue 0 */
  threads?: number;
  /** Most requests that wait for one model. @defaultValue 32 */
  queueLimit?: number;
}

const MOST_THREADS = 8;
const QUEUE_LIMIT = 32;
/** JSON of a long conversation; audio has its own limit. */
const BODY_LIMIT = 2 * 1024 * 1024;

/**
 * Builds `charla inference`: the OpenAI HTTP API over models on this machine. It does not listen yet; models begin to
 * load at once, and `/health` says how far they are.
 *
 * @throws CharlaError `CHARLA_MODEL_UNKNOWN` when `models` has an id that the catalogue has not
 */
export async function createInferenceServer(options: InferenceOptions): Promise<FastifyInstance> {
  const { home, log, models: ids = DEFAULT_MODELS, threads = 0, queueLimit = QUEUE_LIMIT } = options;
  const models = new LocalModels({
    home,
    models: ids,
    threads: threads === 0 ? Math.min(availableParallelism(), MOST_THREADS) : threads,
    queueLimit,
    onState: (model, status) => {
      if (status.state === 'failed') log.error({ model, reason: status.reason }, 'model failed');
      else log.info({ model, ...status }, 'model ready');
    },
  });
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    // A call that ends must not keep the process from ending.
    forceCloseConnections: true,
  });
  server.addHook('onClose', () => models.close());
  server.addHook('onResponse', async (request, reply) => {
    const { method, url } = request;
    log.debug({ method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
  });
  server.setErrorHandler((error, request, reply) => {
    // Nobody is there to read it.
    if (error instanceof ClientGoneError) return reply.hijack();
    return sendOpenAiError(error, request, reply);
  });
  server.setNotFoundHandler(({ method, url }) => {
    throw new CharlaError('CHARLA_NOT_FOUND', { method, path: url });
  });
  healthRoutes(server, models);
  modelRoutes(server, models);
  await transcriptionRoutes(server, models);
  speechRoutes(server, models);
  chatRoutes(server, models);
  return server;
}
