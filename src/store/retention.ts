import { and, asc, eq, gt, inArray, isNotNull, lt, or } from 'drizzle-orm';
import type { Config } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import { every } from '../every.ts';
import type { Logger } from '../telemetry/log.ts';
import { deleteRecordings } from './delete-recordings.ts';
import type { RecordingsConfig } from './recording-files.ts';
import { sessions, webhookOutbox } from './schema.ts';
import type { Database, Store } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Sessions that one transaction deletes: it holds their locks, and on PGlite everybody else waits for it. */
const BATCH = 100;

type RetentionConfig = Pick<Config, 'RETENTION_DAYS'> & RecordingsConfig;

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
    const deleted = await deleteOld(store, { config, now: new Date(), log, signal: stopping.signal });
    if (deleted.sessions + deleted.webhooks > 0)
      log.info(deleted, 'what was older than RETENTION_DAYS is deleted');
  };
  const stop = every(HOUR_MS, run, {
    atOnce: true,
    onError(error) {
      const reason = messageOf(error);
      log.warn({ reason }, 'old sessions could not be deleted; the next try is in an hour');
    },
  });
  return async () => {
    stopping.abort();
    await stop();
  };
}

export interface RetentionOptions {
  config: RetentionConfig;
  now: Date;
  log: Logger;
  /** Ends it after the batch that is being deleted. */
  signal?: AbortSignal;
}

/**
 * Deletes for good the sessions that ended more than RETENTION_DAYS before `now`, with their data tools, calls, turns and
 * recordings (files too), and webhooks of that age that were given up.
 *
 * @throws CharlaError as {@link Store.query}
 */
export async function deleteOld(store: Store, options: RetentionOptions): Promise<Deleted> {
  const { config, now, log, signal } = options;
  const limit = new Date(now.getTime() - config.RETENTION_DAYS * DAY_MS);
  const deleted: Deleted = { sessions: 0, webhooks: 0 };
  for (let after: Place | undefined; signal?.aborted !== true; ) {
    const batch = await store.query((db) =>
      db.transaction((tx) => deleteBatch(tx, { limit, after, config, log })),
    );
    deleted.sessions += batch.deleted;
    if (batch.last === undefined) break;
    after = batch.last;
  }
  const given = await store.query((db) =>
    db
      .delete(webhookOutbox)
      // Those that still wait go with their session, if nobody takes them before.
      .where(and(isNotNull(webhookOutbox.givenUpAt), lt(webhookOutbox.createdAt, limit)))
      .returning({ id: webhookOutbox.id }),
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
async function deleteBatch(
  db: Database,
  {
    limit,
    after,
    config,
    log,
  }: { limit: Date; after: Place | undefined; config: RecordingsConfig; log: Logger },
) {
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
  const kept = await deleteRecordings(db, ids, config);
  for (const [session, reason] of kept) {
    log.warn({ session, reason }, 'a recording could not be deleted, and its session stays');
  }
  const gone = ids.filter((id) => !kept.has(id));
  if (gone.length > 0) await db.delete(sessions).where(inArray(sessions.id, gone));
  const last = old.at(-1);
  const place = last?.endedAt ? { endedAt: last.endedAt, id: last.id } : undefined;
  return { deleted: gone.length, last: place };
}
