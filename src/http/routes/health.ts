import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { HttpContext } from '../context.ts';
import { type Health, healthSchema } from '../health.ts';

/**
 * `GET /health`: 200 when every component works, else 503. The states are for everybody; the sentences, which name
 * addresses inside the house, are for servers.
 */
export const healthRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  app.route({
    method: 'GET',
    url: '/health',
    schema: { response: { 200: healthSchema, 503: healthSchema } },
    logLevel: 'warn',
    handler: async (request, reply) => {
      const health = await context.health();
      return reply
        .code(health.status === 'ok' ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(context.access.isServer(request) ? health : withoutDetails(health));
    },
  });
};

function withoutDetails({ status, components }: Health): Health {
  const { livekit, inference, worker, llm, stt, tts } = components;
  const plain = ({ state }: Health['components']['livekit']) => ({ state });
  return {
    status,
    components: {
      livekit: plain(livekit),
      inference: plain(inference),
      worker: plain(worker),
      llm: plain(llm),
      stt: plain(stt),
      tts: plain(tts),
    },
  };
}
