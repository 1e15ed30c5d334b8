import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import cors from '@fastify/cors';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Config } from '../config/config.ts';
import { AgentWatch, type AgentWatchOptions } from '../rooms/agent-watch.ts';
import { createLiveKit, type LiveKit } from '../rooms/livekit.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/log.ts';
import { createAccess } from './access.ts';
import type { HttpContext } from './context.ts';
import { createConversations } from './conversations.ts';
import { createHealthCheck, type Health } from './health.ts';
import { BODY_LIMIT_BYTES, problemDetails } from './plugins/problem-details.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { pageRoutes } from './routes/page.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { settingsRoutes } from './routes/settings.ts';
import { tokenRoutes } from './routes/token.ts';
import { userDataRoutes } from './routes/user-data.ts';

export interface ServerOptions {
  config: Config;
  log: Logger;
  /** Open and migrated; whoever opened it closes it. */
  store: Store;
  livekit?: LiveKit;
  agentWatch?: AgentWatchOptions;
  health?: () => Promise<Health>;
  /** Folder of the built page. */
  pageRoot?: string;
}

/** `dist/web` of the repository, from `src/http` as from `dist/http`. */
const PAGE_ROOT = fileURLToPath(new URL('../../dist/web', import.meta.url));

/** The HTTP API and the page, ready to `listen` or to be asked by `inject`; connects to nothing by itself. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { config, log, store } = options;
  const livekit = options.livekit ?? createLiveKit(config);
  const sessions = createSessionStore(store, config);
  const watch = new AgentWatch(livekit, config.AGENT_NAME, log, options.agentWatch);
  const context: HttpContext = {
    config,
    livekit,
    store,
    sessions,
    watch,
    access: createAccess(config),
    conversations: createConversations(config, livekit, sessions, watch),
    health: options.health ?? createHealthCheck(config, livekit),
  };

  const app = Fastify({
    loggerInstance: log,
    // One line a request, below, without the caller's address.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: () => randomUUID(),
    // Our own check names the key; without these Fastify would refuse the body before it.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    routerOptions: { ignoreTrailingSlash: true },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('ignore', 'ignore'),
  );
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async ({ log, method, url }, { statusCode, elapsedTime }) => {
    // Without the query, which may name the person.
    const path = url.split('?', 1)[0];
    log.info({ method, path, status: statusCode, latencyMs: Math.round(elapsedTime) }, 'request');
  });
  app.addHook('onClose', async () => watch.close());

  await app.register(problemDetails);
  await app.register(securityHeaders, { config });
  // Same origin only: the page comes from here, and servers need no CORS.
  await app.register(cors, { origin: false });
  await app.register(metricsRoutes, { context });
  await app.register(healthRoutes, { context });
  await app.register(settingsRoutes, { context });
  await app.register(sessionRoutes, { context });
  await app.register(tokenRoutes, { context });
  await app.register(userDataRoutes, { context });
  await app.register(pageRoutes, { root: options.pageRoot ?? PAGE_ROOT });
  return app as unknown as FastifyInstance;
}
