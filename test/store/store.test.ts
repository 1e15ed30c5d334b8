import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { CharlaError } from '../../src/errors.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { profiles } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { createTestPlace, openTestStore, type TestPlace } from '../support/store.ts';

const log = createLogger('test', 'silent');
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const profile = { name: 'p', settings: {}, revision: 1, updatedAt: new Date(0) };
const production = {
  NODE_ENV: 'production',
  ADMIN_API_KEY: 'key-of-the-tests-0123456789',
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
};

describe('a store', () => {
  let store: Store;
  beforeAll(async () => {
    store = await openTestStore();
  });
  afterAll(() => store.close());

  it('keeps all of a transaction or nothing', async () => {
    const failing = store.query((db) =>
      db.transaction(async (tx) => {
        await tx.insert(profiles).values(profile);
        throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id: 'x' });
      }),
    );
    await expect(failing).rejects.toMatchObject({ code: 'CHARLA_SESSION_NOT_FOUND' });
    expect(await store.query((db) => db.select().from(profiles))).toEqual([]);
  });

  it('says what failed without what was to be written', async () => {
    const secret = 'Ana Torres';
    const cases = [
      (db: Parameters<Parameters<Store['query']>[0]>[0]) => db.execute(sql`select ${secret}::integer`),
      (db: Parameters<Parameters<Store['query']>[0]>[0]) => db.execute(sql`select ${secret} from nowhere`),
      (db: Parameters<Parameters<Store['query']>[0]>[0]) =>
        db.execute(sql`insert into profiles values (${secret}, null, 1, now())`),
    ];
    for (const operation of cases) {
      const error: unknown = await store.query(operation).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'CHARLA_STORE_FAILED' });
      expect(error).toBeInstanceOf(CharlaError);
      expect((error as CharlaError).message).not.toContain(secret);
      expect((error as CharlaError).cause).toBeUndefined();
    }
  });

  it('remembers the order of keys, and times to the millisecond', async () => {
    const settings = { z: 1, a: [{ y: 2, b: null }] };
    const updatedAt = new Date('2026-03-29T01:30:00.123Z');
    await store.query((db) => db.insert(profiles).values({ ...profile, settings, updatedAt }));
    const [found] = await store.query((db) => db.select().from(profiles).where(eq(profiles.name, 'p')));
    expect(found?.updatedAt).toEqual(updatedAt);
    expect(JSON.stringify(found?.settings)).toBe(JSON.stringify(settings));
  });
});

describe('migrations', () => {
  let place: TestPlace;
  let config: Config;
  let folder: string;
  beforeAll(async () => {
    place = await createTestPlace();
    config = loadConfig(place.env);
    folder = await mkdtemp(join(tmpdir(), 'charla-migrations-'));
    await cp(MIGRATIONS, folder, { recursive: true });
  });
  afterAll(async () => {
    await place.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function using<T>(use: (store: Store) => Promise<T>, migrations?: string): Promise<T> {
    const store = await openStore(config, log, migrations);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }

  const countProfiles = (store: Store) =>
    store.query(async (db) => (await db.select().from(profiles)).length);

  it('are the work of a command in production, and done at start in development', async () => {
    await expect(openReadyStore(loadConfig({ ...place.env, ...production }), log)).rejects.toMatchObject({
      code: 'CHARLA_STORE_OUTDATED',
      message: expect.stringContaining('npm run charla -- migrate'),
    });
    const store = await openReadyStore(config, log);
    expect(await store.pendingMigrations()).toBe(0);
    await store.close();
    await (await openReadyStore(loadConfig({ ...place.env, ...production }), log)).close();
  });

  it('are done once, however often they are asked for', async () => {
    await using(async (store) => {
      await store.query((db) => db.insert(profiles).values(profile));
      expect(await store.migrate()).toBe(0);
      expect(await countProfiles(store)).toBe(1);
    });
  });

  it('leave the tables as they were when one fails, and work when it is mended', async () => {
    await addMigration(
      'create table extra (id text);\n--> statement-breakpoint\ncreate table sessions (id text);',
    );
    await using(async (store) => {
      expect(await store.pendingMigrations()).toBe(1);
      await expect(store.migrate()).rejects.toMatchObject({
        code: 'CHARLA_STORE_MIGRATION_FAILED',
        message: expect.stringMatching(/are as they were.*"sessions" already exists/),
      });
      const extra = store.query((db) => db.execute(sql`select * from extra`));
      await expect(extra).rejects.toMatchObject({ code: 'CHARLA_STORE_FAILED' });
      expect(await countProfiles(store)).toBe(1);
      expect(await store.pendingMigrations()).toBe(1);
    }, folder);

    await writeFile(join(folder, 'later.sql'), 'create table extra (id text);');
    await using(async (store) => {
      expect(await store.migrate()).toBe(1);
      await store.query((db) => db.execute(sql`select * from extra`));
    }, folder);
  });

  it('of a newer version keep this one from starting, and from migrating', async () => {
    const newer = { code: 'CHARLA_STORE_NEWER', message: expect.stringContaining('A newer version') };
    await expect(openReadyStore(config, log)).rejects.toMatchObject(newer);
    await expect(openReadyStore(loadConfig({ ...place.env, ...production }), log)).rejects.toMatchObject(
      newer,
    );
    await using((store) => expect(store.migrate()).rejects.toMatchObject(newer));
  });

  it('are done by one of several that try at once', async () => {
    const fresh = await createTestPlace();
    const one = await openStore(loadConfig(fresh.env), log);
    // PGlite is for one process, and there for one store.
    const other = one.kind === 'postgres' ? await openStore(loadConfig(fresh.env), log) : one;
    const all = await one.pendingMigrations();
    const done = await Promise.all([one.migrate(), other.migrate(), other.migrate(), one.migrate()]);
    expect(done.toSorted()).toEqual([0, 0, 0, all]);
    await one.close();
    if (other !== one) await other.close();
    await fresh.remove();
  });

  async function addMigration(statements: string) {
    const file = join(folder, 'meta', '_journal.json');
    const journal = JSON.parse(await readFile(file, 'utf8')) as { entries: { when: number }[] };
    const when = Math.max(...journal.entries.map((entry) => entry.when)) + 1;
    const entry = { idx: journal.entries.length, version: '7', when, tag: 'later', breakpoints: true };
    await writeFile(file, JSON.stringify({ ...journal, entries: [...journal.entries, entry] }));
    await writeFile(join(folder, 'later.sql'), statements);
  }
});
