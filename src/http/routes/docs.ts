import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** The page's own headers hold for it too: Swagger UI needs no script or style but its files. */
const STYLE = '.swagger-ui .topbar { display: none } .swagger-ui .info { margin: 24px 0 }';

/**
 * `GET /openapi.json` and, to read and try it, `GET /docs`. For everybody: they say what the source says, and nothing
 * about this installation.
 */
export const docsRoutes: FastifyPluginAsyncZod = async (app) => {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'list', defaultModelsExpandDepth: 0, displayRequestDuration: true },
    theme: { title: 'Charla: HTTP API', css: [{ filename: 'charla.css', content: STYLE }] },
  });
  app.route({
    method: 'GET',
    url: '/openapi.json',
    schema: {
      summary: 'This document',
      description: 'OpenAPI 3.1. `GET /docs` shows it.',
      tags: ['operation'],
      response: { 200: z.looseObject({}).meta({ examples: [{ openapi: '3.1.0' }] }) },
    },
    handler: async (_request, reply) => reply.send({ ...app.swagger() }),
  });
};
