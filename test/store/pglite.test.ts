import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import { startPgliteUpkeep } from '../../src/store/pglite-upkeep.ts';
import { profiles } from '../../src/store/schema.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { freePort } from '../support/livekit-server.ts';
import { runCharla } from '../support/run-charla.ts';

const log = createLogger('test', 'silent');
const WRITER = fileURLToPath(new URL('fixtures/write-profiles.ts', import.meta.url));
const MB = 1_000_000;
/** Whoever comes after a process that was killed, or that still runs, waits ten seconds for its lock. */
const TEST_TIMEOUT_MS = 90_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'charla-pglite-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.useRealTimers());

const open = (CHARLA_HOME: string) => openReadyStore(loadConfig({ CHARLA_HOME }), log);

it(
  'what was committed is there after a kill -9, and the next process opens it',
  async () => {
    const home = join(folder, 'killed');
    await mkdir(home);
    const writer = execa('node', ['--import', 'tsx', WRITER, home], { reject: false });
    const committed: string[] = [];
    for await (const line of writer) {
      committed.push(line.replace('written ', ''));
      if (committed.length === 300) writer.kill('SIGKILL');
    }
    expect((await writer).signal).toBe('SIGKILL');
    const store = await open(home);
    const found = await store.query((db) => db.select({ name: profiles.name }).from(profiles));
    const names = found.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(committed));
    // One more may have been committed that nobody was told of.
    expect(names.length).toBeLessThanOrEqual(committed.length + 1);
    await store.close();
  },
  TEST_TIMEOUT_MS,
);

it(
  'a second process is told in a sentence that the first one has it, and ends',
  async () => {
    const home = join(folder, 'shared');
    const store = await open(home);
    const env = { DATABASE_URL: '', CHARLA_HOME: home };
    const others = await Promise.all([
      runCharla(['serve'], { ...env, PORT: String(await freePort()) }),
      runCharla(['migrate'], env),
    ]);
    for (const { exitCode, stderr } of others) {
      expect(exitCode).toBe(1);
      expect(stderr).toContain('CHARLA_STORE_LOCKED');
      expect(stderr).toContain(`has the database in ${join(home, 'store')} open`);
      expect(stderr).not.toMatch(/^ +at /m);
    }
    expect(await store.query((db) => db.select().from(profiles))).toEqual([]);
    await store.close();
    await (await open(home)).close();
  },
  TEST_TIMEOUT_MS,
);

it(
  'a process whose lock somebody took touches the database no more, and does not crash',
  async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const home = join(folder, 'taken');
    const store = await open(home);
    await rm(join(home, 'store.lock'), { recursive: true });
    const read = () =>
      store
        .query((db) => db.select().from(profiles))
        .then(
          () => 'read',
          (error: { code?: string }) => error.code,
        );
    await expect.poll(read, { timeout: 30_000, interval: 100 }).toBe('CHARLA_STORE_LOCKED');
    const files = await contentsOf(join(home, 'store'));
    // Its upkeep is due now, and closing waits for that.
    vi.advanceTimersByTime(60 * 60_000);
    await store.close();
    expect(await contentsOf(join(home, 'store'))).toEqual(files);
  },
  TEST_TIMEOUT_MS,
);

it(
  'on a full disk it can be read and not be written, and it is well when there is room again',
  async () => {
    const home = join(folder, 'full');
    await mkdir(home);
    const [file = '', ...args] = await writerOnSmallDisk(home);
    const writer = execa(file, args);
    const lines: string[] = [];
    for await (const line of writer) {
      lines.push(line);
      if (line.startsWith('read')) writer.stdin.write('make room\n');
    }
    await writer;
    const written = lines.filter((line) => line.startsWith('written p')).length;
    expect(written).toBeGreaterThan(0);
    expect(lines.slice(written)).toEqual([
      'refused CHARLA_STORE_FULL',
      `read ${written}`,
      `written later read ${written + 1}`,
      `opened again read ${written + 1}`,
    ]);
  },
  TEST_TIMEOUT_MS,
);

it('files that are no database are a sentence', async () => {
  const home = join(folder, 'damaged');
  const store = await open(home);
  await store.close();
  await writeFile(join(home, 'store', 'PG_VERSION'), '99\n');
  await expect(open(home)).rejects.toMatchObject({
    code: 'CHARLA_STORE_DAMAGED',
    message: expect.stringContaining(join(home, 'store')),
  });
});

it('it is tidied while it is open: what was deleted leaves no room taken, and its log is begun anew', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const client = await PGlite.create();
  const stop = startPgliteUpkeep(client, log);
  const state = async () => {
    const { rows } = await client.query<{ bytes: number; checkpoint: string }>(
      "select pg_relation_size('t')::int as bytes, checkpoint_lsn::text as checkpoint from pg_control_checkpoint()",
    );
    return rows[0];
  };
  await client.exec('create table t (id int); insert into t select generate_series(1, 10000); delete from t');
  for (let minutes = 5; minutes <= 60; minutes += 5) {
    const before = await state();
    vi.advanceTimersByTime(5 * 60_000);
    await expect.poll(async () => (await state())?.checkpoint).not.toBe(before?.checkpoint);
  }
  expect((await state())?.bytes).toBe(0);
  await stop();
  await client.close();
});

/** All files of a folder, each with a digest of what is in it. */
async function contentsOf(path: string) {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const digests = files.sort().map(async (file) => [
    file,
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  ]);
  return Promise.all(digests);
}

/** The command: on a disk of its own where this machine lets us mount one; else on its own disk, of which it may take some. */
async function writerOnSmallDisk(home: string) {
  const node = ['node', '--import', 'tsx', WRITER, home, String(MB / 10)];
  const mount = `mount -t tmpfs -o size=240m tmpfs '${home}'`;
  const { exitCode } = await execa('unshare', ['-rm', 'sh', '-c', mount], { reject: false });
  return exitCode === 0
    ? ['unshare', '-rm', 'sh', '-c', `${mount} && exec ${node.join(' ')} ${100 * MB}`]
    : [...node, String(100 * MB), String(60 * MB)];
}
