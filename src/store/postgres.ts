import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import type { Logger } from '../telemetry/log.ts';
import type { StoreDriver } from './store.ts';
import { storeError } from './store-error.ts';

const CONNECTIONS = 10;
/** A database that takes longer is away; a request waits no longer than this for a connection. */
const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** Key of the advisory lock under which one process migrates: any number, the same in every version. */
const MIGRATION_LOCK = 7_265_384;

/** @throws CharlaError `CHARLA_STORE_UNAVAILABLE` */
export async function openPostgres(url: string, log: Logger): Promise<StoreDriver> {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'charla',
    keepAlive: true,
  });
  // Of connections that nobody uses now; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'a connection to the database was lost'));
  const address = withoutPassword(url);
  await pool.query('select 1').catch(async (error: unknown) => {
    await pool.end();
    throw storeError(error, address);
  });
  const db = drizzle(pool, { casing: 'snake_case' });
  return {
    kind: 'postgres',
    address,
    db,
    async migrate(migrationsFolder) {
      const client = await pool.connect();
      try {
        await client.query('set statement_timeout = 0');
        await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
        await migrate(drizzle(client), { migrationsFolder });
      } finally {
        // The lock and the setting end with the connection.
        client.release(true);
      }
    },
    close: () => pool.end(),
  };
}

function withoutPassword(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
