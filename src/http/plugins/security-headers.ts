import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Config } from '../../config/config.ts';
import { clientUrl } from '../../rooms/tokens.ts';

/** Headers that let the page do what it does and nothing else: talk to this server and to LiveKit, use the microphone. */
export const securityHeaders = fastifyPlugin(async (app: FastifyInstance, { config }: { config: Config }) => {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        fontSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        manifestSrc: ["'self'"],
        mediaSrc: ["'self'", 'blob:'],
        // Audio worklets and workers of the LiveKit client come as blobs.
        workerSrc: ["'self'", 'blob:'],
        connectSrc: ["'self'", ...livekitOrigins(clientUrl(config))],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Over plain HTTP browsers ignore it; over HTTPS it holds for the operator's domain, so only in production.
    strictTransportSecurity: config.NODE_ENV === 'production',
    crossOriginEmbedderPolicy: false,
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('permissions-policy', 'microphone=(self), autoplay=(self), camera=(), geolocation=()');
  });
});

/** The client opens a WebSocket, and asks over HTTP why when that fails. */
function livekitOrigins(url: string): string[] {
  const { host, protocol } = new URL(url);
  return protocol === 'wss:' ? [`wss://${host}`, `https://${host}`] : [`ws://${host}`, `http://${host}`];
}
