import type { FastifyInstance } from 'fastify';
import type { LocalModels } from '../local-models.ts';

/** `GET /health`: 200 when every model is loaded, else 503; each model's state and queue, and the process's memory. */
export function healthRoutes(server: FastifyInstance, models: LocalModels): void {
  server.get('/health', async (_request, reply) => {
    const states = Object.fromEntries(models.status());
    const all = Object.values(states).map(({ state }) => state);
    const ready = all.every((state) => state === 'ready');
    reply.code(ready ? 200 : 503);
    return {
      status: ready ? 'ok' : all.includes('failed') ? 'failed' : 'loading',
      models: states,
      memory: { rssBytes: process.memoryUsage.rss() },
    };
  });
}
