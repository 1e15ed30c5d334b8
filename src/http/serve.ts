import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.ts';
import { isOpenDevelopment } from '../config/development.ts';
import { listenError } from '../listen-error.ts';
import { createLiveKit } from '../rooms/livekit.ts';
import { openReadyStore } from '../store/open-ready-store.ts';
import { startRetention } from '../store/retention.ts';
import type { Logger } from '../telemetry/log.ts';
import { createRegistry } from '../telemetry/metrics-registry.ts';
import { outliveRejections } from '../telemetry/unhandled-rejections.ts';
import { buildServer } from './build-server.ts';
import { createHealthCheck } from './health.ts';

/**
 * Listens on HOST and PORT, and says in the log what does not work yet.
 *
 * @throws CharlaError `CHARLA_PORT_TAKEN`, and as {@link openReadyStore}
 */
export async function serve(config: Config, log: Logger): Promise<FastifyInstance> {
  const livekit = createLiveKit(config);
  const store = await openReadyStore(config, log);
  const health = createHealthCheck(config, store, livekit);
  const registry = createRegistry();
  const stopOutliving = outliveRejections(registry, log);
  const server = await buildServer({ config, log, store, livekit, health, registry });
  const stopRetention = startRetention(store, config, log);
  server.addHook('onClose', async () => {
    await stopRetention();
    await store.close();
    stopOutliving();
  });
  try {
    await server.listen({ host: config.HOST, port: config.PORT });
  } catch (error) {
    await server.close();
    throw listenError(error, { port: config.PORT, service: 'charla serve', variable: 'PORT' });
  }
  if (isOpenDevelopment(config)) {
    log.warn('development on loopback: the HTTP API is open to every program on this machine');
  }
  // Not awaited: under `charla dev` the rest is still starting, and only a refused key is worth a line then.
  health().then(
    ({ components }) => {
      for (const [component, { state, detail }] of Object.entries(components)) {
        if (state === 'refused') log.error({ component, detail }, 'a component refuses its key');
        else if (state === 'down') log.info({ component, detail }, 'a component does not answer yet');
      }
    },
    (error: unknown) => log.error({ err: error }, 'the components could not be checked'),
  );
  return server;
}
