import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { loadConfig } from '../../src/config/config.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';

/** The PostgreSQL on which the tests run once more (`test/postgres/global-setup.ts`); none: on PGlite in memory. */
const POSTGRES = process.env.TEST_DATABASE_URL;

/** An empty store with all of its tables, of its own. Close it in `afterAll`. */
export async function openTestStore(): Promise<Store> {
  const database = POSTGRES === undefined ? undefined : await createTestDatabase(POSTGRES);
  const config = loadConfig({ DATABASE_URL: database?.url ?? 'memory://' });
  const store = await openReadyStore(config, createLogger('test', 'fatal'));
  return {
    ...store,
    close: async () => {
      await store.close();
      await database?.drop();
    },
  };
}

/** A database of its own on a PostgreSQL. */
export async function createTestDatabase(url: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `charla_${randomUUID().replaceAll('-', '')}`;
  await onServer(url, `create database ${name}`);
  return {
    url: Object.assign(new URL(url), { pathname: `/${name}` }).href,
    drop: () => onServer(url, `drop database ${name} with (force)`),
  };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}
