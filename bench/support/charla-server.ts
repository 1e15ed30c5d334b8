import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../../src/config/config.ts';
import { buildServer } from '../../src/http/build-server.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import {
  freePort,
  startLivekitServer,
  type TestLivekitServer,
  testConfig,
} from '../../test/support/livekit-server.ts';
import { startPostgres, type TestPostgres } from '../../test/support/postgres-server.ts';
import { createTestDatabase } from '../../test/support/store.ts';

/** The databases that sessions can be in. */
export const STORES = ['PGlite', 'PostgreSQL'] as const;
export type StoreName = (typeof STORES)[number];

/** As an operator has it: what the tests' one may lose, this one writes to the disk. */
const DURABLE = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on'];

/** A server of Charla that is being measured. */
export interface MeasuredServer {
  url: string;
  store: Store;
  config: Config;
}

/** Stands for a livekit-server where nobody asks for one. */
export const NO_LIVEKIT: TestLivekitServer = {
  url: 'ws://127.0.0.1:9',
  port: 9,
  apiKey: 'nobody',
  apiSecret: 'nobody-listens-there-so-this-is-no-secret',
  start: async () => undefined,
  stop: async () => undefined,
};

export async function withPostgres<T>(use: (postgres: TestPostgres) => Promise<T>): Promise<T> {
  const postgres = await startPostgres();
  try {
    await postgres.stop();
    await postgres.start(DURABLE);
    return await use(postgres);
  } finally {
    await postgres.remove();
  }
}

export async function withLivekit<T>(use: (livekit: TestLivekitServer) => Promise<T>): Promise<T> {
  const livekit = await startLivekitServer();
  try {
    return await use(livekit);
  } finally {
    await livekit.stop();
  }
}

/** @param use - gets the address */
export async function withListening<T>(
  app: FastifyInstance,
  use: (url: string) => Promise<T>,
  port = 0,
): Promise<T> {
  try {
    return await use(await app.listen({ host: '127.0.0.1', port }));
  } finally {
    await app.close();
  }
}

/** Charla as it runs in this process, with an empty store of its own: PGlite in a folder, or a database on PostgreSQL. */
export async function withCharla<T>(
  storeName: StoreName,
  { postgres, livekit }: { postgres: TestPostgres; livekit: TestLivekitServer },
  use: (server: MeasuredServer) => Promise<T>,
): Promise<T> {
  const log = createLogger('bench', 'fatal');
  const home = await mkdtemp(join(tmpdir(), 'charla-bench-'));
  const database = storeName === 'PostgreSQL' ? await createTestDatabase(postgres.url) : undefined;
  const port = await freePort();
  const { DATABASE_URL: _inMemory, ...rest } = testConfig(livekit, {
    LLM_PROVIDER: 'local',
    PORT: String(port),
  });
  const config: Config = {
    ...rest,
    CHARLA_HOME: home,
    ...(database !== undefined && { DATABASE_URL: database.url }),
  };
  const store = await openReadyStore(config, log);
  try {
    // No worker runs here: the watch would take every room for forgotten. With workers it is one request for each room.
    const app = await buildServer({ config, log, store, agentWatch: { firstLookMs: 600_000 } });
    return await withListening(app, (url) => use({ url, store, config }), port);
  } finally {
    await store.close();
    await database?.drop();
    await rm(home, { recursive: true });
  }
}
