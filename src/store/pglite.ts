import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { lock } from 'proper-lockfile';
import { CharlaError } from '../errors.ts';
import type { StoreDriver } from './store.ts';
import { storeError } from './store-error.ts';

/** A lock whose holder has not renewed it for this long was left by a process that is gone. ms */
const STALE_MS = 10_000;
const LOCK_RETRY_MS = 500;

/**
 * PostgreSQL inside this process, its files under `home`; for one process at a time.
 *
 * @throws CharlaError `CHARLA_STORE_LOCKED` when another process has it open, `CHARLA_STORE_FULL`
 */
export async function openPglite(home: string): Promise<StoreDriver> {
  const folder = join(home, 'store');
  try {
    await mkdir(folder, { recursive: true });
    const release = await alone(folder);
    const client = await PGlite.create(folder).catch(async (error: unknown) => {
      await release();
      throw error;
    });
    return driverOf(client, folder, release);
  } catch (error) {
    throw storeError(error, folder);
  }
}

/** The same in memory, gone with the process. */
export async function openMemoryPglite(): Promise<StoreDriver> {
  return driverOf(await PGlite.create(), 'memory', async () => undefined);
}

function driverOf(client: PGlite, address: string, release: () => Promise<void>): StoreDriver {
  const db = drizzle(client, { casing: 'snake_case' });
  return {
    kind: 'pglite',
    address,
    db,
    // One process, which migrates before it answers: there is nobody to exclude.
    migrate: (migrationsFolder) => migrate(db, { migrationsFolder }),
    close: async () => {
      await client.close();
      await release();
    },
  };
}

/** A process that was killed leaves its lock behind: whoever is started in its place waits until that is stale. */
async function alone(folder: string): Promise<() => Promise<void>> {
  try {
    const attempts = { retries: STALE_MS / LOCK_RETRY_MS + 2, minTimeout: LOCK_RETRY_MS, factor: 1 };
    return await lock(folder, { stale: STALE_MS, retries: attempts });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ELOCKED') {
      throw new CharlaError('CHARLA_STORE_LOCKED', { folder });
    }
    throw error;
  }
}
