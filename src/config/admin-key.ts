import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from './config.ts';

/** Whether what was sent as `X-API-Key` is ADMIN_API_KEY; in constant time, and whatever the two lengths. */
export function isAdminKey(config: Config, sent: unknown): boolean {
  return (
    typeof sent === 'string' && config.ADMIN_API_KEY !== undefined && sameSecret(sent, config.ADMIN_API_KEY)
  );
}

/** Compares two secrets in constant time, whatever their lengths. */
export function sameSecret(sent: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(sent), digest(expected));
}
