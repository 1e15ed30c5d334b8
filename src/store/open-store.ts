import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { openMemoryPglite, openPglite } from './pglite.ts';
import { openPostgres } from './postgres.ts';
import type { Database, Store, StoreDriver } from './store.ts';
import { MEMORY, storeAddress } from './store-address.ts';
import { storeError } from './store-error.ts';

/** `migrations/` of the repository, from `src/store` as from `dist/store`. */
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const journalSchema = z.object({ entries: z.array(z.object({ when: z.number() })) });

/**
 * Opens the store of the configuration: PostgreSQL at DATABASE_URL, else PGlite in CHARLA_HOME.
 *
 * @param migrations - the folder of the migrations
 * @throws CharlaError `CHARLA_STORE_UNAVAILABLE`, `CHARLA_STORE_LOCKED` (another process has PGlite open),
 *   `CHARLA_STORE_FULL`, `CHARLA_STORE_DAMAGED`
 */
export async function openStore(config: Config, log: Logger, migrations = MIGRATIONS): Promise<Store> {
  return createStore(await openDriver(config, log), migrations);
}

/** The store of a driver. */
export function createStore(driver: StoreDriver, migrations = MIGRATIONS): Store {
  const { kind, address } = driver;
  const query: Store['query'] = async (operation) => {
    try {
      await driver.check?.();
      return await operation(driver.db);
    } catch (error) {
      throw storeError(error, driver);
    }
  };
  const pending = async (db: Database) => {
    const { entries } = journalSchema.parse(
      JSON.parse(await readFile(`${migrations}/meta/_journal.json`, 'utf8')),
    );
    const last = await lastMigration(db);
    if (entries.every(({ when }) => when < last)) throw new CharlaError('CHARLA_STORE_NEWER', { address });
    return entries.filter(({ when }) => when > last).length;
  };
  return {
    kind,
    address,
    query,
    listen: (channel, listener) => driver.listen(channel, listener),
    pendingMigrations: () => query(pending),
    async migrate() {
      try {
        return await driver.migrate(async (db, apply) => {
          const count = await pending(db);
          if (count > 0) await apply(migrations);
          return count;
        });
      } catch (error) {
        throw migrationError(storeError(error, driver), address);
      }
    },
    close: () => driver.close(),
  };
}

function openDriver(config: Config, log: Logger): Promise<StoreDriver> {
  const { kind, address } = storeAddress(config);
  if (kind === 'postgres') return openPostgres(config.DATABASE_URL ?? '', address, log);
  return address === MEMORY ? openMemoryPglite() : openPglite(address, log);
}

/** When the newest migration that is applied was written, ms since the epoch; 0 when none is. */
async function lastMigration(db: Database): Promise<number> {
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

function migrationError(error: unknown, address: string): unknown {
  if (!(error instanceof CharlaError) || error.code !== 'CHARLA_STORE_FAILED') return error;
  const { code = '', reason = '' } = error.fields;
  return new CharlaError('CHARLA_STORE_MIGRATION_FAILED', { address, code, reason });
}
