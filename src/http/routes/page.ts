import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';

const NOT_BUILT =
  'The page is not built yet. Run «npm run build» (or «npm run dev», which does it too) and reload. The HTTP API works.\n';

/**
 * The page, as Vite built it. Files under `assets/` carry a hash in their name and are kept for ever; `index.html` is
 * asked for each time.
 */
export const pageRoutes: FastifyPluginAsyncZod<{ root: string }> = async (app, { root }) => {
  await app.register(fastifyStatic, {
    root,
    wildcard: true,
    index: 'index.html',
    cacheControl: false,
    setHeaders: (reply, path) => {
      const hashed = path.startsWith(join(root, 'assets'));
      reply.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/' && !existsSync(join(root, 'index.html'))) {
      return reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT);
    }
  });
};
