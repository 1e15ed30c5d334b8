import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { loadConfig } from '../../src/config/config.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import { createStore } from '../../src/store/open-store.ts';
import { openMemoryPglite } from '../../src/store/pglite.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { pgliteTemplate } from './pglite-template.ts';

/** The PostgreSQL on which the tests run once more (`test/postgres/global-setup.ts`); none: on PGlite in memory. */
const POSTGRES = process.env.TEST_DATABASE_URL;

/** An empty store with all of its tables, of its own. Close it in `afterAll`. */
export async function openTestStore(): Promise<Store> {
  if (!POSTGRES) return createStore(await openMemoryPglite(await pgliteTemplate()));
  const { url, drop } = await createTestDatabase(POSTGRES);
  const store = await openReadyStore(loadConfig({ DATABASE_URL: url }), createLogger('test', 'fatal'));
  return {
    ...store,
    close: async () => {
      await store.close();
      await drop();
    },
  };
}

/** A place for a store, empty, that can be opened more than once. */
export interface TestPlace {
  /** DATABASE_URL is empty for PGlite, whose files are in CHARLA_HOME. */
  env: { DATABASE_URL: string; CHARLA_HOME: string };
  remove: () => Promise<void>;
}

/** Remove it when no store is open there any more. */
export async function createTestPlace(): Promise<TestPlace> {
  const home = await mkdtemp(join(tmpdir(), 'charla-store-'));
  const database = POSTGRES ? await createTestDatabase(POSTGRES) : undefined;
  return {
    env: { DATABASE_URL: database?.url ?? '', CHARLA_HOME: home },
    remove: async () => {
      await database?.drop();
      await rm(home, { recursive: true, force: true });
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
