import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import type { Logger } from '../telemetry/log.ts';
import { listenToPostgres } from './postgres-listener.ts';
import type { StoreDriver } from './store.ts';
import { unavailable } from './store-error.ts';

const CONNECTIONS = 10;
/** A database that takes longer is away; a request waits no longer than this for a connection. */
const CONNECT_TIMEOUT_MS = 3_000;
/** What the server allows one statement, waiting for locks included. */
const STATEMENT_TIMEOUT_MS = 4_000;
/** What we allow a statement, and a transaction, for a server that does not answer at all. */
const ANSWER_TIMEOUT_MS = 5_000;
/** After this the server takes the locks of a process that was suspended in a transaction. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** Key of the advisory lock under which one process migrates: any number, the same in every version. */
const MIGRATION_LOCK = 7_265_384;

/**
 * PostgreSQL at a URL; `sslmode` and the other parameters of a URL are `pg`'s.
 *
 * @param address - the URL as people and logs may see it
 * @throws CharlaError `CHARLA_STORE_UNAVAILABLE`
 */
export async function openPostgres(url: string, address: string, log: Logger): Promise<StoreDriver> {
  const connection = {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'charla',
    keepAlive: true,
  };
  const pool = new TimedPool({
    ...connection,
    max: CONNECTIONS,
    query_timeout: ANSWER_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  });
  // Of connections that nobody uses now; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'a connection to the database was lost'));
  // And of those that are in use, between two queries of a transaction: the next query says so.
  pool.on('connect', (client) => client.on('error', () => undefined));
  await pool.query('select 1').catch(async (error: unknown) => {
    await pool.end();
    throw unavailable(error, address);
  });
  const closing = new AbortController();
  return {
    kind: 'postgres',
    address,
    db: drizzle(pool, { casing: 'snake_case' }),
    async migrate(run) {
      // Without limits: a migration takes as long as it takes.
      const client = new pg.Client(connection);
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
        const db = drizzle(client, { casing: 'snake_case' });
        return await run(db, (migrationsFolder) => migrate(db, { migrationsFolder }));
      } finally {
        // The lock ends with the connection.
        await client.end();
      }
    },
    listen(channel, listener) {
      const notify = (name: string) => pool.query("select pg_notify($1, '')", [name]);
      listenToPostgres({ url, channel, listener, notify, log, signal: closing.signal });
    },
    async close() {
      closing.abort();
      await pool.end();
    },
  };
}

/**
 * A pool whose connections come back to it. Drizzle gives none back of which `begin` failed, and gives back those on which
 * a query still waits: both would be lost, one by one, while the server does not answer.
 */
class TimedPool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | undefined {
    // For single queries, which the pool gives back by itself.
    if (callback !== undefined) {
      super.connect(callback);
      return undefined;
    }
    return super.connect().then(returnInTime);
  }
}

type ConnectCallback = Parameters<pg.Pool['connect']>[0];

/** Closes a connection that ends, or that nobody has given back in time; what waits on it fails. */
function returnInTime(client: pg.PoolClient): pg.PoolClient {
  const giveBack = client.release.bind(client);
  let isBack = false;
  const release: pg.PoolClient['release'] = (broken) => {
    if (isBack) return;
    isBack = true;
    clearTimeout(limit);
    client.off('end', close);
    giveBack(broken);
  };
  const close = () => release(true);
  const limit = setTimeout(close, ANSWER_TIMEOUT_MS);
  client.once('end', close);
  return Object.assign(client, { release });
}
