import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Config } from '../config/config.ts';
import type { Logger } from '../telemetry/log.ts';
import { openMemoryPglite, openPglite } from './pglite.ts';
import { openPostgres } from './postgres.ts';
import type { Store, StoreDriver } from './store.ts';
import { storeError } from './store-error.ts';

/** `migrations/` of the repository, from `src/store` as from `dist/store`. */
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const journalSchema = z.object({ entries: z.array(z.object({ when: z.number() })) });

/**
 * Opens the store of the configuration: PostgreSQL at DATABASE_URL, else PGlite in CHARLA_HOME.
 *
 * @param migrations - the folder of the migrations
 * @throws CharlaError `CHARLA_STORE_UNAVAILABLE`, `CHARLA_STORE_LOCKED` (another process has PGlite open),
 *   `CHARLA_STORE_FULL`
 */
export async function openStore(config: Config, log: Logger, migrations = MIGRATIONS): Promise<Store> {
  const driver = await openDriver(config, log);
  const { kind, address, db } = driver;
  const query: Store['query'] = async (operation) => {
    try {
      return await operation(db);
    } catch (error) {
      throw storeError(error, address);
    }
  };
  const pendingMigrations = async () => {
    const { entries } = journalSchema.parse(
      JSON.parse(await readFile(`${migrations}/meta/_journal.json`, 'utf8')),
    );
    const last = await query(lastMigration);
    return entries.filter(({ when }) => when > last).length;
  };
  return {
    kind,
    address,
    query,
    pendingMigrations,
    migrate: async () => {
      const before = await pendingMigrations();
      await query(() => driver.migrate(migrations));
      return before - (await pendingMigrations());
    },
    close: () => driver.close(),
  };
}

function openDriver({ DATABASE_URL: url, CHARLA_HOME }: Config, log: Logger): Promise<StoreDriver> {
  if (url === undefined) return openPglite(CHARLA_HOME);
  return url.startsWith('memory:') ? openMemoryPglite() : openPostgres(url, log);
}

/** When the newest migration that is applied was written, ms since the epoch; 0 when none is. */
async function lastMigration(db: Parameters<Parameters<Store['query']>[0]>[0]): Promise<number> {
  const table = sql`to_regclass('drizzle.__drizzle_migrations')`;
  const [found] = rows(await db.execute(sql`select ${table} is not null as present`));
  if (found?.present !== true) return 0;
  const [last] = rows(await db.execute(sql`select max(created_at) as at from drizzle.__drizzle_migrations`));
  return Number(last?.at ?? 0);
}

const rowsSchema = z.object({ rows: z.array(z.record(z.string(), z.unknown())) });

function rows(result: unknown) {
  return rowsSchema.parse(result).rows;
}
