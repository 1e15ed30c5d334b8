import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { CharlaError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Carriers call it, from few addresses for all their callers, under our public address; it checks their signature, or
     * the token that they were given.
     */
    isForCarrier?: boolean;
  }
}

/** Whether a request is for a route of carriers, which lets nobody else do anything. */
export function isForCarrier(request: FastifyRequest): boolean {
  return request.routeOptions.config?.isForCarrier === true;
}

/** Whether all variables of a carrier's account are there. */
export function isConfigured<Name extends keyof Config>(
  config: Config,
  ...names: Name[]
): config is Config & { [Given in Name]: NonNullable<Config[Given]> } {
  return names.every((name) => config[name] !== undefined);
}

/** What answers a carrier. @throws CharlaError `CHARLA_NOT_FOUND` where there is none without its account */
export function ifThere<Calls>(calls: Calls | undefined, { method, url }: FastifyRequest): Calls {
  if (calls !== undefined) return calls;
  throw new CharlaError('CHARLA_NOT_FOUND', { method, path: url.split('?', 1)[0] ?? url });
}

/** Answers a request at an address for WebSockets. @throws CharlaError `CHARLA_REQUEST_INVALID`, always */
export async function opensNoWebSocket(): Promise<never> {
  throw new CharlaError('CHARLA_REQUEST_INVALID', { problems: 'here only WebSockets are opened' });
}

/**
 * By what strangers at the routes of carriers are counted: an address, or of IPv6 a network; undefined where it would be that of a proxy
 * which TRUST_PROXY does not name, and so the carrier's too.
 */
export function strangersAddress(
  { ip, headers }: FastifyRequest,
  { TRUST_PROXY }: Pick<Config, 'TRUST_PROXY'>,
): string | undefined {
  return TRUST_PROXY === undefined && headers['x-forwarded-for'] !== undefined ? undefined : normalizeIP(ip);
}
