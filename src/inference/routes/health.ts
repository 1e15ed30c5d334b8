import type { FastifyInstance } from 'fastify';
import type { LocalModels } from '../local-models.ts';

/** `GET /health`: 200 when the models of the start are loaded, else 503; each one's state and queue, and memory. */
export function healthRoutes(server: FastifyInstance, models: LocalModels): void {
  server.get('/health', async (_request, reply) => {
    const states = Object.fromEntries(models.status());
    const status = models.state();
    reply.code(status === 'ok' ? 200 : 503);
    return {
      status,
      models: states,
      memory: { rssBytes: process.memoryUsage.rss() },
    };
  });
}
