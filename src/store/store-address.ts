import { join } from 'node:path';
import type { Config } from '../config/config.ts';

/** Address of a store that is gone with the process. */
export const MEMORY = 'memory';

/** Which store the configuration means, as people and logs may see it: without a password. */
export function storeAddress({
  DATABASE_URL: url,
  CHARLA_HOME,
}: Pick<Config, 'DATABASE_URL' | 'CHARLA_HOME'>): {
  kind: 'postgres' | 'pglite';
  address: string;
} {
  if (url === undefined) return { kind: 'pglite', address: join(CHARLA_HOME, 'store') };
  if (url.startsWith('memory:')) return { kind: 'pglite', address: MEMORY };
  const { protocol, host, pathname } = new URL(url);
  return { kind: 'postgres', address: `${protocol}//${host}${pathname}` };
}
