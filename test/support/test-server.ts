import type { FastifyInstance } from 'fastify';
import { buildServer, type ServerOptions } from '../../src/http/build-server.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { checkAnswers } from './check-answers.ts';
import { openTestStore } from './store.ts';

/**
 * A server with an empty store of its own, which ends with it; a store that is given stays open. Each of its answers has
 * to be as its API document says.
 */
export async function buildTestServer(
  options: Omit<ServerOptions, 'log' | 'store'> & Partial<Pick<ServerOptions, 'log' | 'store'>>,
): Promise<FastifyInstance> {
  const store = options.store ?? (await openTestStore());
  const app = await buildServer({ log: createLogger('test', 'fatal'), ...options, store });
  if (options.store === undefined) app.addHook('onClose', () => store.close());
  checkAnswers(app);
  return app;
}
