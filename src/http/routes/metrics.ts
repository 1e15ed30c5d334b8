import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { Histogram, type Registry } from 'prom-client';
import { z } from 'zod';

/** From a look at the settings to a session that waits for LiveKit, s. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const EXAMPLE = 'http_request_duration_seconds_count{method="GET",route="/settings",status="200"} 12';

/** `GET /metrics`, for servers: this process and the requests that it answered, for Prometheus. */
export const metricsRoutes = fastifyPlugin(
  async (app: FastifyInstance, { registry }: { registry: Registry }) => {
    const requests = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to answer a request of the HTTP API.',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers: [registry],
    });
    app.addHook('onResponse', ({ method, routeOptions, is404 }, { statusCode, elapsedTime }, done) => {
      // The pattern of the route, not the address: that has the id of a session, or whatever somebody tries.
      const route = is404 || routeOptions.url === undefined ? 'none' : routeOptions.url;
      requests.observe({ method, route, status: statusCode }, elapsedTime / 1000);
      done();
    });
    app.route({
      method: 'GET',
      url: '/metrics',
      logLevel: 'warn',
      schema: {
        summary: 'Metrics, for Prometheus',
        tags: ['operation'],
        response: {
          200: {
            description: 'This process and the requests that it answered; docs/metrics.md names them.',
            content: { 'text/plain': { schema: z.string().meta({ examples: [EXAMPLE] }) } },
          },
        },
      },
      handler: async (_request, reply) =>
        reply
          .type(registry.contentType)
          .header('cache-control', 'no-store')
          .send(await registry.metrics()),
    });
  },
);
