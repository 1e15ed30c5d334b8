import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';

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
