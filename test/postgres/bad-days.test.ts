import { chown, stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { execa } from 'execa';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { profiles } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { freePort } from '../support/livekit-server.ts';
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { runCharla } from '../support/run-charla.ts';
import { createTestDatabase } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const log = createLogger('test', 'silent');
const AWAY = { code: 'CHARLA_STORE_UNAVAILABLE' };
/** More than there are connections. */
const MANY = 25;

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.remove());

describe('a PostgreSQL that is away when charla serve starts', () => {
  it.each([
    ['nobody listens', nobody],
    ['it never answers', silentServer],
  ])('is one sentence and exit code 1: %s', async (_, start) => {
    const { port, close } = await start();
    const DATABASE_URL = `postgres://charla:sesame@127.0.0.1:${port}/charla`;
    const { exitCode, stderr, stdout } = await runCharla(['serve'], {
      DATABASE_URL,
      PORT: String(await freePort()),
    });
    close();
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`The database at postgres://127.0.0.1:${port}/charla does not answer`);
    expect(stderr).toContain('CHARLA_STORE_UNAVAILABLE');
    expect(`${stdout}${stderr}`).not.toMatch(/sesame|^ +at |node:/m);
  });

  it('is no less so when it refuses us', async () => {
    for (const [url, reason] of [
      [server.url.replace('postgres@', 'stranger:sesame@'), 'role "stranger" does not exist'],
      [server.url.replace(/\/postgres$/, '/nowhere'), 'database "nowhere" does not exist'],
      [`${server.url}?sslmode=require`, 'does not support SSL'],
    ] as const) {
      const opening = openStore(loadConfig({ DATABASE_URL: url }), log);
      await expect(opening, url).rejects.toMatchObject({ ...AWAY, message: expect.stringContaining(reason) });
      await expect(opening).rejects.toMatchObject({ message: expect.not.stringContaining('sesame') });
    }
  });
});

describe('a PostgreSQL that goes away later', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let store: Store;
  let app: FastifyInstance;
  beforeEach(async () => {
    database = await createTestDatabase(server.url);
    store = await openReadyStore(loadConfig({ DATABASE_URL: database.url }), log);
    app = await buildTestServer({ config: loadConfig({}), log, store });
  });
  afterEach(async () => {
    await app.close();
    await store.close();
    await database.drop();
  });

  /** Answered 404 by a store that works. */
  const ask = () => app.inject('/session/nobody/data-tools');
  const transaction = () => store.query((db) => db.transaction((tx) => tx.execute(sql`select 1`)));
  const atOnce = <T>(run: () => Promise<T>) => Promise.allSettled(Array.from({ length: MANY }, run));
  const works = async () => {
    expect((await ask()).statusCode).toBe(404);
    const outcomes = await atOnce(transaction);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(MANY).fill('fulfilled'));
  };
  const isAway = async () => {
    const [answer, outcomes] = await Promise.all([ask(), atOnce(transaction)]);
    expect([answer.statusCode, answer.json().code]).toEqual([503, AWAY.code]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: AWAY });
  };

  it('makes 503 of what needs it, and all works again when it is back', async () => {
    await works();
    await server.stop();
    await isAway();
    expect((await app.inject('/health')).json().components.store).toMatchObject({
      state: 'down',
      detail: expect.stringContaining('nothing listens there'),
    });
    await server.start();
    await works();
    expect((await app.inject('/settings')).statusCode).toBe(200);
  });

  it('does not hold requests, nor connections, while it accepts them and answers nothing', async () => {
    await works();
    await server.suspend();
    await isAway();
    // Every connection that there was is given up by now.
    await isAway();
    await server.resume();
    await works();
  });

  it('in the middle of a transaction leaves nothing of it, and nothing crashes', async () => {
    const failing = store.query((db) =>
      db.transaction(async (tx) => {
        await tx.insert(profiles).values({ name: 'p', settings: {}, revision: 1, updatedAt: new Date(0) });
        const [backend] = await tx.select({ pid: sql<number>`pg_backend_pid()` }).from(profiles);
        await onDatabase(database.url, async (client) => {
          await client.query('select pg_terminate_backend($1, 5000)', [backend?.pid]);
        });
        await tx.execute(sql`select 1`);
      }),
    );
    await expect(failing).rejects.toMatchObject(AWAY);
    expect(await store.query((db) => db.select().from(profiles))).toEqual([]);
  });

  it('is as good as away for a statement that waits too long for a lock', async () => {
    await onDatabase(database.url, async (client) => {
      await client.query('begin');
      await client.query('lock table profiles');
      await expect(store.query((db) => db.select().from(profiles))).rejects.toMatchObject(AWAY);
    });
    expect(await store.query((db) => db.select().from(profiles))).toEqual([]);
  });

  it('takes no writes while it is a standby, and says so', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const become = (value: string) =>
      onDatabase(server.url, async (client) => {
        await client.query(`alter database ${name} set default_transaction_read_only = ${value}`);
        await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
          name,
        ]);
      });
    const write = () =>
      store.query((db) =>
        db.insert(profiles).values({ name: 'p', settings: {}, revision: 1, updatedAt: new Date(0) }),
      );
    await become('on');
    await expect
      .poll(() => store.query((db) => db.select().from(profiles)).catch(() => undefined))
      .toEqual([]);
    await expect(write()).rejects.toMatchObject(AWAY);
    expect((await app.inject('/health')).json().components.store).toMatchObject({
      state: 'down',
      detail: expect.stringContaining('takes no writes'),
    });
    await become('off');
    await expect
      .poll(() =>
        write().then(
          () => 'written',
          () => 'refused',
        ),
      )
      .toBe('written');
  });
});

describe('a PostgreSQL that speaks TLS', () => {
  const files = { key: '', certificate: '' };
  beforeAll(async () => {
    files.key = join(server.folder, 'server.key');
    files.certificate = join(server.folder, 'server.crt');
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const subject = ['-addext', 'subjectAltName=IP:127.0.0.1'];
    await execa('openssl', [...request, ...subject, '-keyout', files.key, '-out', files.certificate]);
    const { uid, gid } = await stat(server.folder);
    for (const file of Object.values(files)) await chown(file, uid, gid);
    await server.stop();
    await server.start(['ssl=on', `ssl_key_file=${files.key}`, `ssl_cert_file=${files.certificate}`]);
  });

  it('is spoken to so when sslmode says it, and its certificate is checked', async () => {
    const url = `${server.url}?sslmode=verify-full&sslrootcert=${files.certificate}`;
    const store = await openStore(loadConfig({ DATABASE_URL: url }), log);
    const [connection] = await store.query((db) =>
      db.select({ isTls: sql<boolean>`ssl` }).from(sql`pg_stat_ssl`).where(sql`pid = pg_backend_pid()`),
    );
    expect(connection).toEqual({ isTls: true });
    await store.close();
    const unknown = openStore(loadConfig({ DATABASE_URL: `${server.url}?sslmode=verify-full` }), log);
    await expect(unknown).rejects.toMatchObject({ ...AWAY, message: expect.stringContaining('certificate') });
  });
});

async function onDatabase(url: string, use: (client: pg.Client) => Promise<void>) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await use(client).finally(() => client.end());
}

async function nobody() {
  return { port: await freePort(), close: () => undefined };
}

/** Accepts connections and says nothing. */
async function silentServer() {
  const sockets = new Set<Socket>();
  const silent: Server = createServer((socket) => sockets.add(socket));
  const port = await freePort();
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  };
  return { port, close };
}
