import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Registry } from 'prom-client';
import { createCallStore } from '../calls/call-store.ts';
import { createPlacedCalls } from '../calls/placed-calls.ts';
import { createRecordingStore } from '../calls/recording-store.ts';
import { AnnouncedCalls } from '../channels/audiosocket/announced-calls.ts';
import { createAudioSocketServer } from '../channels/audiosocket/audiosocket-server.ts';
import { createGateway } from '../channels/gateway/create-gateway.ts';
import type { Config } from '../config/config.ts';
import { createDataToolsHook } from '../integrations/data-tools-hook.ts';
import { createWebhooks } from '../integrations/webhooks.ts';
import { AgentWatch, type AgentWatchOptions } from '../rooms/agent-watch.ts';
import { createLiveKit, type LiveKit } from '../rooms/livekit.ts';
import { openRooms } from '../rooms/open-room.ts';
import { watchCallers } from '../rooms/watch-callers.ts';
import { parseDataTools } from '../sessions/data-tools.ts';
import { createProfileStore } from '../sessions/profile-store.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import { createSweeper } from '../sessions/sweeper.ts';
import { recordingFiles } from '../store/recording-files.ts';
import type { Store } from '../store/store.ts';
import { timedStore } from '../store/timed-store.ts';
import type { Logger } from '../telemetry/log.ts';
import { createRegistry } from '../telemetry/metrics-registry.ts';
import { createAccess } from './access.ts';
import type { HttpContext } from './context.ts';
import { createConversations } from './conversations.ts';
import { gatewayCalls } from './gateway-calls.ts';
import { createHealthCheck, type Health } from './health.ts';
import { createHookData } from './hook-data.ts';
import { createOutboundCalls } from './outbound-calls.ts';
import { accessControl } from './plugins/access-control.ts';
import { apiDocument } from './plugins/api-document.ts';
import { crossOrigin } from './plugins/cross-origin.ts';
import { loopbackGuard } from './plugins/loopback-guard.ts';
import {
  answerNoRequest,
  answerProblem,
  BODY_LIMIT_BYTES,
  problemDetails,
} from './plugins/problem-details.ts';
import { rateLimits } from './plugins/rate-limits.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { webSockets } from './plugins/web-sockets.ts';
import { createRoomUpkeep } from './room-upkeep.ts';
import { audioSocketCallRoutes } from './routes/audiosocket-calls.ts';
import { callRoutes } from './routes/calls.ts';
import { dataToolsRoutes } from './routes/data-tools.ts';
import { dataToolsRefreshRoutes } from './routes/data-tools-refresh.ts';
import { docsRoutes } from './routes/docs.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { outboundCallRoutes } from './routes/outbound-calls.ts';
import { pageRoutes } from './routes/page.ts';
import { profileRoutes } from './routes/profiles.ts';
import { recordingRoutes } from './routes/recordings.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { settingsRoutes } from './routes/settings.ts';
import { sipCallRoutes } from './routes/sip-calls.ts';
import { telnyxRoutes } from './routes/telnyx.ts';
import { tokenRoutes } from './routes/token.ts';
import { twilioRoutes } from './routes/twilio.ts';
import { userDataRoutes } from './routes/user-data.ts';
import { createTurns } from './turns.ts';
import { tellingWebhooks } from './webhook-events.ts';

export interface ServerOptions {
  config: Config;
  log: Logger;
  /** Open and migrated; whoever opened it closes it. */
  store: Store;
  /** Of its metrics; with those of any process alone unless given. */
  registry?: Registry;
  livekit?: LiveKit;
  agentWatch?: AgentWatchOptions;
  health?: () => Promise<Health>;
  /** Folder of the built page. */
  pageRoot?: string;
}

/** A job says how its call ended within this long after its session was over. */
const CALL_FORGOTTEN_MS = 10 * 60_000;
/** `dist/web` of the repository, from `src/http` as from `dist/http`. */
const PAGE_ROOT = fileURLToPath(new URL('../../dist/web', import.meta.url));

/** The HTTP API and the page, ready to `listen` or to be asked by `inject`; connects to nothing by itself. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { config, log } = options;
  const registry = options.registry ?? createRegistry();
  const store = timedStore(options.store, registry);
  const livekit = options.livekit ?? createLiveKit(config);
  const webhooks = createWebhooks({ config, store, log, registry });
  const telling = tellingWebhooks(webhooks);
  const sessions = createSessionStore(store, config, telling.sessions);
  const watch = new AgentWatch(livekit, config.AGENT_NAME, log, options.agentWatch);
  const inTurn = createTurns();
  const upkeep = createRoomUpkeep({ livekit, sessions, log, inTurn });
  const access = createAccess(config);
  const { DATA_TOOLS_URL: url } = config;
  const hook =
    url === undefined ? undefined : createDataToolsHook({ config, url, log, parse: parseDataTools });
  const profiles = createProfileStore(store);
  const calls = createCallStore(store, telling.calls);
  const placed = createPlacedCalls(store, telling.calls);
  const conversations = createConversations({
    config,
    livekit,
    sessions,
    profiles,
    placed,
    watch,
    upkeep,
    hookData: createHookData(hook, log),
    inTurn,
  });
  const gateway = createGateway({ config, log, registry, ...gatewayCalls(config, conversations, log) });
  const context: HttpContext = {
    config,
    sessions,
    calls,
    recordings: createRecordingStore(store, recordingFiles(config)),
    placed,
    access,
    profiles,
    conversations,
    outbound: createOutboundCalls({ config, livekit, log, sessions, calls, placed, conversations }),
    gateway,
    hook,
    health: options.health ?? createHealthCheck(config, store, livekit),
  };

  const app = Fastify({
    loggerInstance: log,
    // One line a request, below, without the caller's address.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']) ?? randomUUID(),
    trustProxy: config.TRUST_PROXY ?? false,
    // Our own check names the key; without these Fastify would refuse the body before it.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    frameworkErrors: answerProblem,
    clientErrorHandler: answerNoRequest,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('ignore', 'ignore'),
  );
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, { statusCode, elapsedTime }, done) => {
    const { log, method, url } = request;
    // Without the query, which may name the person.
    const path = url.split('?', 1)[0];
    const caller = access.label(request);
    log.info({ method, path, caller, status: statusCode, latencyMs: Math.round(elapsedTime) }, 'request');
    done();
  });
  const announced = new AnnouncedCalls();
  const { AUDIOSOCKET_PORT } = config;
  const audioSocket =
    AUDIOSOCKET_PORT === undefined
      ? undefined
      : createAudioSocketServer({ config: { ...config, AUDIOSOCKET_PORT }, log, gateway, announced });
  app.addHook('onReady', async () => audioSocket?.listen());
  app.addHook('onClose', async () => watch.close());
  const sweeper = createSweeper({
    sessions,
    log,
    closeRoom: ({ room }) => upkeep.closeNow(room),
    openRooms: (rooms) => openRooms(livekit, rooms),
    onLost: ({ id }) => context.calls.lose(id),
    catchUp: async (signal) => {
      await upkeep.catchUp(signal);
      await context.outbound.catchUp(signal);
      await context.calls.loseForgotten(new Date(Date.now() - CALL_FORGOTTEN_MS));
    },
  });
  app.addHook('onListen', async () => sweeper.start());
  app.addHook('onListen', async () => webhooks.start());
  let stopWatchingCallers = async () => {};
  app.addHook('onListen', async () => {
    stopWatchingCallers = watchCallers({ livekit, agentName: config.AGENT_NAME, watch, log });
  });
  // Before the store closes, which does so with the server.
  app.addHook('preClose', async () => {
    hook?.close();
    context.outbound.close();
    await Promise.all([audioSocket?.close(), gateway.close()]);
    await Promise.all([webhooks.close(), sweeper.close(), stopWatchingCallers()]);
  });

  await app.register(problemDetails);
  await app.register(securityHeaders, { config });
  await app.register(loopbackGuard, { config });
  await app.register(crossOrigin, { config });
  await app.register(rateLimits, { config, access });
  await app.register(accessControl, { config, access });
  // Before the routes, all of which they see.
  await app.register(webSockets);
  await app.register(apiDocument);
  await app.register(metricsRoutes, { registry });
  await app.register(healthRoutes, { context });
  await app.register(profileRoutes, { context });
  await app.register(settingsRoutes, { context });
  await app.register(sessionRoutes, { context });
  await app.register(dataToolsRoutes, { context });
  await app.register(dataToolsRefreshRoutes, { context });
  await app.register(audioSocketCallRoutes, { announced });
  await app.register(callRoutes, { context });
  await app.register(outboundCallRoutes, { context });
  await app.register(recordingRoutes, { context });
  await app.register(sipCallRoutes, { context });
  await app.register(twilioRoutes, { context, log });
  await app.register(telnyxRoutes, { context, log });
  await app.register(tokenRoutes, { context });
  await app.register(userDataRoutes);
  await app.register(docsRoutes);
  await app.register(pageRoutes, { root: options.pageRoot ?? PAGE_ROOT });
  return app as unknown as FastifyInstance;
}

/** The id that a proxy or a client gave the request: into our log only where it cannot be anything else. */
function requestIdOf(header: unknown): string | undefined {
  return typeof header === 'string' && /^[\w-]{8,64}$/.test(header) ? header : undefined;
}
