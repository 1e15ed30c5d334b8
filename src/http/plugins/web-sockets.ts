import websocket from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { MAX_MESSAGE_BYTES } from '../../channels/media-stream.ts';
import { CharlaError } from '../../errors.ts';

/** Lets routes have a `wsHandler`; a request that asks for a WebSocket anywhere else is refused. */
export const webSockets = fastifyPlugin(async (app: FastifyInstance) => {
  await app.register(websocket, {
    // Sound does not get smaller, and what is inflated may be of any size.
    options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false },
    // Whoever takes the socket hears of it there.
    errorHandler: (error, socket, request) => {
      request.log.warn({ reason: error.message }, 'a WebSocket failed');
      socket.terminate();
    },
  });
  const urls = new Set<string>();
  app.addHook('onRoute', ({ url, wsHandler }) => {
    if (wsHandler !== undefined) urls.add(url);
  });
  app.addHook('onRequest', (request, _reply, done) => {
    const { ws, routeOptions } = request;
    const problems = 'its connection is to be upgraded, which there is nothing for here';
    const isHere = !ws || request.is404 || urls.has(routeOptions.url ?? '');
    done(isHere ? undefined : new CharlaError('CHARLA_REQUEST_INVALID', { problems }));
  });
});
