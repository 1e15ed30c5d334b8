import { isIPv4 } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Config } from '../../config/config.ts';
import { isOpenDevelopment } from '../../config/development.ts';
import { CharlaError } from '../../errors.ts';
import { isForCarrier } from '../carrier-requests.ts';

/**
 * In development without keys, answers only who calls this machine by its own name, and no page but our own and those of
 * CORS_ORIGINS. Otherwise any web page in the developer's browser could use the open API: by sending to localhost, or by
 * letting its own name point there (DNS rebinding).
 */
export const loopbackGuard = fastifyPlugin(async (app: FastifyInstance, { config }: { config: Config }) => {
  if (!isOpenDevelopment(config)) return;
  // The same one comes again and again, and taking it apart takes a while.
  let lastAllowed: string | undefined;
  const isAllowed = (host: string) => {
    if (host !== lastAllowed && isLoopbackName(host)) lastAllowed = host;
    return host === lastAllowed;
  };
  app.addHook('onRequest', (request, _reply, done) => {
    // A carrier comes by our public address, through a tunnel, and has to show more than that.
    if (isForCarrier(request)) done();
    else done(refusalOf(request, isAllowed, config.CORS_ORIGINS));
  });
});

function refusalOf(
  { headers }: FastifyRequest,
  isAllowed: (host: string) => boolean,
  allowedOrigins: readonly string[],
): CharlaError | undefined {
  const { host = '', origin } = headers;
  if (!isAllowed(host)) return new CharlaError('CHARLA_HOST_REFUSED', { what: `«${host.slice(0, 100)}»` });
  if (origin === undefined || origin === `http://${host}` || allowedOrigins.includes(origin))
    return undefined;
  return new CharlaError('CHARLA_HOST_REFUSED', { what: `the page of «${origin.slice(0, 100)}»` });
}

/** RFC 6761: localhost and the names under it are loopback for browsers, whatever the DNS says. */
function isLoopbackName(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  if (isIPv4(hostname)) return hostname.startsWith('127.');
  return hostname === '[::1]' || hostname === 'localhost' || hostname.endsWith('.localhost');
}
