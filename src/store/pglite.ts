import { statfsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { check, lock } from 'proper-lockfile';
import { CharlaError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { startPgliteUpkeep } from './pglite-upkeep.ts';
import type { StoreDriver } from './store.ts';
import { MEMORY } from './store-address.ts';
import { codeOf, storeError } from './store-error.ts';

/** A lock whose holder has not renewed it for this long was left by a process that is gone. ms */
const STALE_MS = 10_000;
const LOCK_RETRY_MS = 500;
/** With less room on its disk the store takes no more writes: PGlite that cannot write its log hangs the process. */
const RESERVE_BYTES = 64 * 1024 * 1024;

export interface PgliteOptions {
  /** @defaultValue 64 MiB */
  reserveBytes?: number;
}

/**
 * PostgreSQL inside this process, its files in a folder; for one process at a time.
 *
 * @throws CharlaError `CHARLA_STORE_LOCKED` when another process has it open, `CHARLA_STORE_FULL`,
 *   `CHARLA_STORE_DAMAGED`
 */
export async function openPglite(
  folder: string,
  log: Logger,
  { reserveBytes = RESERVE_BYTES }: PgliteOptions = {},
): Promise<StoreDriver> {
  try {
    await mkdir(folder, { recursive: true });
    const held = await alone(folder, log);
    const client = await PGlite.create(folder).catch(async (error: unknown) => {
      await held.release();
      // It says no more than that it failed.
      if (isLow(folder, reserveBytes)) throw new CharlaError('CHARLA_STORE_FULL', { address: folder });
      throw new CharlaError('CHARLA_STORE_DAMAGED', { folder }, { cause: error });
    });
    held.assert();
    const driver = driverOf(client, folder);
    const refuseWritesWhenFull = diskGuard(client, folder, reserveBytes);
    const stopUpkeep = startPgliteUpkeep(client, log);
    held.lost.addEventListener('abort', () => void stopUpkeep(), { once: true });
    return {
      ...driver,
      check: async () => {
        held.assert();
        await refuseWritesWhenFull();
      },
      close: async () => {
        await stopUpkeep();
        // Closing writes too.
        if (held.lost.aborted) return;
        await driver.close();
        await held.release();
      },
    };
  } catch (error) {
    throw storeError(error, { kind: 'pglite', address: folder });
  }
}

/**
 * The same in memory, gone with the process.
 *
 * @param template - the files of another one, PGlite's `dumpDataDir` has them
 */
export async function openMemoryPglite(template?: Blob): Promise<StoreDriver> {
  return driverOf(await PGlite.create(template === undefined ? {} : { loadDataDir: template }), MEMORY);
}

function driverOf(client: PGlite, address: string): StoreDriver {
  const db = drizzle(client, { casing: 'snake_case' });
  let migrated: Promise<unknown> = Promise.resolve();
  return {
    kind: 'pglite',
    address,
    db,
    listen(channel, listener) {
      // It tells before the statement that notified returns: within one process nothing is ever missed.
      client
        .listen(channel, (payload) => listener.onMessage(payload))
        .then(
          () => listener.onListening(true),
          () => listener.onListening(false),
        );
    },
    migrate(run) {
      const turn = migrated.then(() => run(db, (migrationsFolder) => migrate(db, { migrationsFolder })));
      migrated = turn.catch(() => undefined);
      return turn;
    },
    close: () => client.close(),
  };
}

/** Makes the store read-only while its disk has less than the reserve, and writable again when it has more. */
function diskGuard(client: PGlite, folder: string, reserveBytes: number): () => Promise<void> {
  let isReadOnly = false;
  return async () => {
    // Microseconds; a promise of it would take longer than most queries.
    if (isLow(folder, reserveBytes) === isReadOnly) return;
    isReadOnly = !isReadOnly;
    await client.exec(`set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`);
  };
}

function isLow(folder: string, reserveBytes: number): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < reserveBytes;
}

/** A process that was killed leaves its lock behind: whoever is started in its place waits until that is stale. */
async function alone(folder: string, log: Logger) {
  const lost = new AbortController();
  try {
    if (await check(folder, { stale: STALE_MS })) {
      log.info(
        { folder, upToMs: STALE_MS },
        'another process has the database, or was killed: waiting for it to leave',
      );
    }
    const attempts = { retries: STALE_MS / LOCK_RETRY_MS + 2, minTimeout: LOCK_RETRY_MS, factor: 1 };
    const release = await lock(folder, {
      stale: STALE_MS,
      retries: attempts,
      onCompromised: () => {
        lost.abort();
        log.error({ folder }, 'another process took the database while this one was suspended: start again');
      },
    });
    return {
      /** Aborts once another process has taken it: both writing would destroy it. */
      lost: lost.signal,
      /** @throws CharlaError `CHARLA_STORE_LOCKED` when it is lost */
      assert: () => {
        if (lost.signal.aborted) throw new CharlaError('CHARLA_STORE_LOCKED', { folder });
      },
      release: async () => {
        if (!lost.signal.aborted) await release();
      },
    };
  } catch (error) {
    if (codeOf(error) === 'ELOCKED') throw new CharlaError('CHARLA_STORE_LOCKED', { folder });
    throw error;
  }
}
