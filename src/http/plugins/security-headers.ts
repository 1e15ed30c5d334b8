import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Config } from '../../config/config.ts';
import { clientUrl } from '../../rooms/tokens.ts';

/** Headers that let the page do what it does and nothing else: talk to this server and to LiveKit, use the microphone. */
export const securityHeaders = fastifyPlugin(async (app: FastifyInstance, { config }: { config: Config }) => {
  const headers = await headersOf(config);
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
});

/** They are the same for every answer. Helmet makes them anew for each, which takes as long as all else about a small one. */
async function headersOf(config: Config): Promise<Record<string, string>> {
  const app = Fastify();
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
  app.get('/', async (_request, reply) => reply.code(204).send());
  const { headers } = await app.inject('/');
  await app.close();
  const { date: _date, connection: _connection, ...secure } = headers;
  return {
    ...Object.fromEntries(Object.entries(secure).map(([name, value]) => [name, String(value)])),
    'permissions-policy': 'microphone=(self), autoplay=(self), camera=(), geolocation=()',
  };
}

/** The client opens a WebSocket, and asks over HTTP why when that fails. */
function livekitOrigins(url: string): string[] {
  const { host, protocol } = new URL(url);
  return protocol === 'wss:' ? [`wss://${host}`, `https://${host}`] : [`ws://${host}`, `http://${host}`];
}
