import { rm } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { and, asc, eq, gt, inArray, isNotNull, lt, or } from 'drizzle-orm';
import type { Config } from '../config/config.ts';
import type { Logger } from '../telemetry/log.ts';
import { calls, recordings, sessions, webhookOutbox } from './schema.ts';
import type { Database, Store } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Sessions that one transaction deletes: it holds their locks, and on PGlite everybody else waits for it. */
const BATCH = 100;

type RetentionConfig = Pick<Config, 'RETENTION_DAYS' | 'CHARLA_HOME'>;

interface Deleted {
  sessions: number;
  webhooks: number;
}

/**
 * Deletes what is older than RETENTION_DAYS, now and once an hour. Several servers on one database may all do it.
 *
 * @returns ends it; what it is deleting at that moment, it deletes
 */
export function startRetention(store: Store, config: RetentionConfig, log: Logger): () => Promise<void> {
  if (config.RETENTION_DAYS === 0) return async () => undefined;
  const stopping = new AbortController();
  const run = async () => {
    try {
      const deleted = await deleteOld(store, config, new Date(), log, stopping.signal);
      if (deleted.sessions + deleted.webhooks > 0)
        log.info(deleted, 'what was older than RETENTION_DAYS is deleted');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ reason }, 'old sessions could not be deleted; the next try is in an hour');
    }
  };
  let running = run();
  const timer = setInterval(() => {
    running = running.then(run);
  }, HOUR_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    stopping.abort();
    await running;
  };
}

/**
 * Deletes for good the sessions that ended more than RETENTION_DAYS before `now`, with their data tools, calls, turns and
 * recordings (files too), and webhooks of that age that nobody took.
 *
 * @param signal - ends it after the batch that is being deleted
 * @throws CharlaError as {@link Store.query}
 */
export async function deleteOld(
  store: Store,
  { RETENTION_DAYS, CHARLA_HOME }: RetentionConfig,
  now: Date,
  log: Logger,
  signal?: AbortSignal,
): Promise<Deleted> {
  const limit = new Date(now.getTime() - RETENTION_DAYS * DAY_MS);
  const deleted: Deleted = { sessions: 0, webhooks: 0 };
  for (let after: Place | undefined; signal?.aborted !== true; ) {
    const batch = await store.query((db) =>
      db.transaction((tx) => deleteBatch(tx, limit, after, CHARLA_HOME, log)),
    );
    deleted.sessions += batch.deleted;
    if (batch.last === undefined) break;
    after = batch.last;
  }
  const given = await store.query((db) =>
    db.delete(webhookOutbox).where(lt(webhookOutbox.createdAt, limit)).returning({ id: webhookOutbox.id }),
  );
  deleted.webhooks = given.length;
  return deleted;
}

/** A session by its end; where the last batch stopped. */
interface Place {
  endedAt: Date;
  id: string;
}

/** @returns how many sessions were deleted, and the last one that was looked at; none when there are no more */
async function deleteBatch(db: Database, limit: Date, after: Place | undefined, home: string, log: Logger) {
  const old = await db
    .select({ id: sessions.id, endedAt: sessions.endedAt })
    .from(sessions)
    .where(
      and(
        isNotNull(sessions.endedAt),
        lt(sessions.endedAt, limit),
        after &&
          or(
            gt(sessions.endedAt, after.endedAt),
            and(eq(sessions.endedAt, after.endedAt), gt(sessions.id, after.id)),
          ),
      ),
    )
    .orderBy(asc(sessions.endedAt), asc(sessions.id))
    .limit(BATCH)
    // Another server may be deleting them.
    .for('update', { skipLocked: true });
  const ids = old.map(({ id }) => id);
  const kept = await deleteRecordings(db, ids, home, log);
  const gone = ids.filter((id) => !kept.has(id));
  if (gone.length > 0) await db.delete(sessions).where(inArray(sessions.id, gone));
  const last = old.at(-1);
  const place = last?.endedAt ? { endedAt: last.endedAt, id: last.id } : undefined;
  return { deleted: gone.length, last: place };
}

/**
 * Deletes the files of sessions' recordings, before their rows: a file that no row names would stay for ever.
 *
 * @param home - CHARLA_HOME, which the files are under
 * @returns the sessions of which a file could not be deleted
 */
async function deleteRecordings(
  db: Database,
  sessionIds: readonly string[],
  home: string,
  log: Logger,
): Promise<Set<string>> {
  if (sessionIds.length === 0) return new Set();
  const files = await db
    .select({ file: recordings.file, sessionId: calls.sessionId })
    .from(recordings)
    .innerJoin(calls, eq(recordings.callId, calls.id))
    .where(inArray(calls.sessionId, [...sessionIds]));
  const kept = new Set<string>();
  for (const { file, sessionId } of files) {
    try {
      await rm(pathUnder(home, file), { force: true });
    } catch (error) {
      kept.add(sessionId);
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ session: sessionId, reason }, 'a recording could not be deleted, and its session stays');
    }
  }
  return kept;
}

/** @throws Error when the file is not under the folder */
function pathUnder(folder: string, file: string): string {
  const path = resolve(folder, file);
  if (!path.startsWith(resolve(folder) + sep)) throw new Error('its file is not under CHARLA_HOME');
  return path;
}
