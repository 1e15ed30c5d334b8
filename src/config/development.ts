import type { Config } from './config.ts';

/** Keys of a livekit-server that only ever listens on loopback; refused outside development. */
export const DEVELOPMENT_LIVEKIT_KEY = 'devkey';
export const DEVELOPMENT_LIVEKIT_SECRET = 'charla-development-secret-loopback-only';

/** Whether the HTTP API asks for no key: outside production, and reached from this machine only. */
export function isOpenDevelopment({ NODE_ENV, HOST }: Pick<Config, 'NODE_ENV' | 'HOST'>): boolean {
  return NODE_ENV !== 'production' && isLoopback(HOST);
}

/** Whether a server that listens there is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return ['127.0.0.1', 'localhost', '::1'].includes(host);
}
