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
    schema: {
      summary: 'Whether everything works',
      description:
        '200 when every component works, else 503 with the same body. Servers also get sentences and latencies.',
      tags: ['operation'],
      response: {
        200: healthSchema.meta({ description: 'Everything works.', examples: [example('ok', 'ok')] }),
        503: healthSchema.meta({
          description: 'A component does not.',
          examples: [example('degraded', 'down')],
        }),
      },
    },
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

function example(status: Health['status'], livekit: 'ok' | 'down') {
  return {
    status,
    components: { store: { state: 'ok' }, livekit: { state: livekit }, worker: { state: 'ok' } },
  };
}

function withoutDetails({ status, components }: Health): Health {
  const { store, livekit, inference, worker, llm, stt, tts } = components;
  const plain = ({ state }: Health['components']['livekit']) => ({ state });
  return {
    status,
    components: {
      store: plain(store),
      livekit: plain(livekit),
      inference: plain(inference),
      worker: plain(worker),
      llm: plain(llm),
      stt: plain(stt),
      tts: plain(tts),
    },
  };
}
