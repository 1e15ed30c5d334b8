import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Config } from '../../config/config.ts';

const PREFLIGHT_KEPT_SECONDS = 600;

/**
 * Lets the pages of CORS_ORIGINS call the HTTP API from browsers, with a token and never with cookies; no other page. Our
 * own comes from here, and servers need none of it.
 */
export const crossOrigin = fastifyPlugin(async (app: FastifyInstance, { config }: { config: Config }) => {
  // Browsers refuse what no header allows.
  if (config.CORS_ORIGINS.length === 0) return;
  await app.register(cors, {
    origin: config.CORS_ORIGINS,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'if-none-match', 'x-request-id'],
    exposedHeaders: ['etag', 'retry-after', 'x-request-id'],
    credentials: false,
    maxAge: PREFLIGHT_KEPT_SECONDS,
  });
});
