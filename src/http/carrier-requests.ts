import type { FastifyRequest } from 'fastify';

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
