import { and, desc, eq, getTableColumns, gt, gte, inArray, lt, lte, or, type SQL, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import { deleteRecordings } from '../store/delete-recordings.ts';
import { phoneIs } from '../store/phone.ts';
import type { RecordingsConfig } from '../store/recording-files.ts';
import { dataToolVersions, sessions } from '../store/schema.ts';
import type { Database, Store } from '../store/store.ts';
import type { DataTools } from './data-tools.ts';
import { inBatches } from './in-batches.ts';
import { FIRST_REVISION, type NewSession, type Session, type SessionSummary } from './session.ts';
import { createSessionCache } from './session-cache.ts';
import { createSessionStatements, isOpenRow } from './session-statements.ts';

/** Sessions as they are kept. Each function throws what {@link Store.query} throws. */
export interface SessionStore {
  /** @returns undefined when another open session has the room already */
  create(session: NewSession): Promise<Session | undefined>;
  /** As it is now in the store. */
  get(id: string): Promise<Session | undefined>;
  /**
   * From memory, where nothing has changed: as it is now, or, when another process changed it, as it was a moment (some
   * milliseconds) ago.
   */
  getCached(id: string): Promise<Session | undefined>;
  /** The open session of a room. */
  getByRoom(room: string): Promise<Session | undefined>;
  /** Sessions, newest first, without their data tools. */
  list(filter: SessionFilter): Promise<SessionSummary[]>;
  /**
   * Replaces the data tools of an open session, if they are still of this revision, and keeps what they were.
   *
   * @param by - who wants it; a server unless given
   * @returns the session as it is now; undefined when there is no such open session, or its data tools have changed
   */
  replaceDataTools(
    id: string,
    revision: number,
    dataTools: DataTools,
    by?: ChangedBy,
  ): Promise<Session | undefined>;
  /** Earlier revisions of the data tools, newest first: the last {@link KEPT_VERSIONS}. */
  listVersions(id: string): Promise<DataToolsVersion[]>;
  /** The data tools as they were at an earlier revision; undefined when that is not kept. */
  getVersion(id: string, revision: number): Promise<DataTools | undefined>;
  /** A call has begun. @returns whether the session is open */
  activate(id: string): Promise<boolean>;
  /** Notes that somebody talks in an open session, or asks for it; at most once a minute. */
  touch(id: string): Promise<void>;
  /** Ends an open session, for good. @returns whether it was open */
  end(id: string): Promise<boolean>;
  /**
   * Ends, for good, open sessions that are over their time limits. Of several processes that try at once, one gets each.
   *
   * @param limit - how many at most
   */
  expire(limit: number): Promise<SessionSummary[]>;
  /**
   * Active sessions in which nobody has talked and that nobody has asked for since.
   *
   * @param after - id of the last one that is known; they come in order of id
   */
  listQuiet(since: Date, limit: number, after?: string): Promise<SessionSummary[]>;
  /**
   * Sessions that ended, in whatever way, then or later.
   *
   * @param after - id of the last one that is known; they come in order of id
   */
  listEnded(since: Date, limit: number, after?: string): Promise<SessionSummary[]>;
  /**
   * Deletes a session and everything that hangs on it, the files of its recordings too, for good.
   *
   * @returns the room that it had; undefined when there is no such session
   * @throws CharlaError `CHARLA_RECORDING_KEPT`: a file could not be deleted, and the session stays
   */
  delete(id: string): Promise<string | undefined>;
}

/** Who changed data tools: a server, the person's own client, the agent of the call, or the integrator's hook. */
export type ChangedBy = 'server' | 'participant' | 'agent' | 'hook';

export interface SessionFilter {
  /** 1 or more. */
  limit: number;
  /** The last one that is known: those that come after it. */
  after?: Pick<Session, 'createdAt' | 'id'> | undefined;
  status?: Session['status'] | undefined;
  userId?: string | undefined;
  profile?: string | undefined;
  channel?: string | undefined;
  /** Of a telephone call: the number of either end, in each of the ways in which it may be written. */
  phone?: readonly string[] | undefined;
  /** Created then or later. */
  since?: Date | undefined;
  /** Created before. */
  until?: Date | undefined;
}

export interface DataToolsVersion {
  revision: number;
  /** When the next revision took its place. */
  replacedAt: Date;
}

export interface SessionStoreOptions {
  /** Runs inside the transaction that changed data tools: what it writes is there if and only if the change is. */
  onUpdated?: (db: Database, session: Session, by: ChangedBy) => Promise<void>;
  now?: () => Date;
}

/** How many earlier revisions of its data tools a session keeps. */
export const KEPT_VERSIONS = 50;
/** `lastActiveAt` is right within this long. */
const TOUCH_MS = 60_000;
const REMEMBERED_TOUCHES = 10_000;
/** Sessions that one statement creates at most. */
const MAX_BATCH = 100;

const { dataTools: _dataTools, ...summaryColumns } = getTableColumns(sessions);

/** Sessions in the store. */
export function createSessionStore(
  store: Store,
  config: Pick<Config, 'SESSION_MAX_MINUTES' | 'SESSION_IDLE_MINUTES'> & RecordingsConfig,
  { onUpdated, now = () => new Date() }: SessionStoreOptions = {},
): SessionStore {
  const statements = createSessionStatements(store);
  const touches = new LRUCache<string, number>({ max: REMEMBERED_TOUCHES });
  const cache = createSessionCache(store, statements.get);

  const create = inBatches<Session, boolean>(async (batch) => {
    try {
      const created = await statements.insert(batch);
      return batch.map(({ id }) => created.has(id));
    } catch (error) {
      if (batch.length === 1 || !isOfOneRow(error)) throw error;
    }
    // What is wrong with one of them must not hurt the others.
    return batch.map(async (session) => (await statements.insert([session])).has(session.id));
  }, MAX_BATCH);

  const finish = (status: 'ended' | 'expired') => ({ status, endedAt: now() });

  return {
    async create(session) {
      const at = now();
      const created: Session = {
        ...session,
        status: 'created',
        revision: FIRST_REVISION,
        createdAt: at,
        lastActiveAt: at,
        expiresAt: new Date(at.getTime() + config.SESSION_MAX_MINUTES * 60_000),
        endedAt: null,
      };
      return (await create(created)) ? created : undefined;
    },

    get: statements.get,
    getCached: cache.get,
    getByRoom: statements.getByRoom,

    list(filter) {
      return store.query((db) =>
        db
          .select(summaryColumns)
          .from(sessions)
          .where(and(...conditions(filter)))
          .orderBy(desc(sessions.createdAt), desc(sessions.id))
          .limit(filter.limit),
      );
    },

    async replaceDataTools(id, revision, dataTools, by = 'server') {
      const change = { id, revision, dataTools, at: now() };
      const session = await store.query((db) => {
        if (onUpdated === undefined) return replace(db, change);
        return db.transaction(async (tx) => {
          const after = await replace(tx, change);
          if (after !== undefined) await onUpdated(tx, after, by);
          return after;
        });
      });
      if (session !== undefined) cache.forget(id);
      return session;
    },

    listVersions(id) {
      const { revision, replacedAt } = dataToolVersions;
      return store.query((db) =>
        db
          .select({ revision, replacedAt })
          .from(dataToolVersions)
          .where(eq(dataToolVersions.sessionId, id))
          .orderBy(desc(revision)),
      );
    },

    async getVersion(id, revision) {
      const [found] = await store.query((db) =>
        db
          .select({ dataTools: dataToolVersions.dataTools })
          .from(dataToolVersions)
          .where(and(eq(dataToolVersions.sessionId, id), eq(dataToolVersions.revision, revision))),
      );
      return found && (found.dataTools as DataTools);
    },

    async activate(id) {
      const changed = await store.query((db) =>
        db
          .update(sessions)
          .set({ status: 'active', lastActiveAt: now() })
          .where(and(eq(sessions.id, id), isOpenRow))
          .returning({ id: sessions.id }),
      );
      cache.forget(id);
      return changed.length > 0;
    },

    async touch(id) {
      const at = now().getTime();
      const last = touches.get(id);
      if (last !== undefined && at - last < TOUCH_MS) return;
      touches.set(id, at);
      const touched = { lastActiveAt: new Date(at) };
      await store.query((db) =>
        db
          .update(sessions)
          .set(touched)
          .where(and(eq(sessions.id, id), isOpenRow, lte(sessions.lastActiveAt, new Date(at - TOUCH_MS)))),
      );
    },

    async end(id) {
      const ended = await store.query((db) =>
        db
          .update(sessions)
          .set(finish('ended'))
          .where(and(eq(sessions.id, id), isOpenRow))
          .returning({ id: sessions.id }),
      );
      cache.forget(id);
      return ended.length > 0;
    },

    async expire(limit) {
      const at = now().getTime();
      // What was read or said within the last TOUCH_MS may not have been noted.
      const idleSince = new Date(at - config.SESSION_IDLE_MINUTES * 60_000 - TOUCH_MS);
      const expired = await store.query((db) => {
        const over = db
          .select({ id: sessions.id })
          .from(sessions)
          .where(
            and(isOpenRow, or(lte(sessions.expiresAt, new Date(at)), lte(sessions.lastActiveAt, idleSince))),
          )
          .limit(limit)
          .for('update', { skipLocked: true });
        return db
          .update(sessions)
          .set(finish('expired'))
          .where(inArray(sessions.id, over))
          .returning(summaryColumns);
      });
      for (const { id } of expired) cache.forget(id);
      return expired;
    },

    listQuiet(since, limit, after = '') {
      return store.query((db) =>
        db
          .select(summaryColumns)
          .from(sessions)
          .where(
            and(eq(sessions.status, 'active'), lte(sessions.lastActiveAt, since), gt(sessions.id, after)),
          )
          .orderBy(sessions.id)
          .limit(limit),
      );
    },

    listEnded(since, limit, after = '') {
      return store.query((db) =>
        db
          .select(summaryColumns)
          .from(sessions)
          .where(and(gte(sessions.endedAt, since), gt(sessions.id, after)))
          .orderBy(sessions.id)
          .limit(limit),
      );
    },

    async delete(id) {
      const deleted = await store.query((db) =>
        db.transaction(async (tx) => {
          // No recording is added meanwhile, whose file would stay.
          await tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, id)).for('update');
          const reason = (await deleteRecordings(tx, [id], config)).get(id);
          if (reason !== undefined) throw new CharlaError('CHARLA_RECORDING_KEPT', { id, reason });
          const [gone] = await tx
            .delete(sessions)
            .where(eq(sessions.id, id))
            .returning({ room: sessions.room });
          return gone?.room;
        }),
      );
      cache.forget(id);
      return deleted;
    },
  };
}

function conditions(filter: SessionFilter): SQL[] {
  const { after, status, userId, profile, channel, phone, since, until } = filter;
  const wanted = [
    after &&
      sql`(${sessions.createdAt}, ${sessions.id}) < (${after.createdAt.toISOString()}::timestamptz, ${after.id})`,
    status && eq(sessions.status, status),
    userId === undefined ? undefined : eq(sessions.userId, userId),
    profile === undefined ? undefined : eq(sessions.profile, profile),
    channel === undefined ? undefined : eq(sessions.channel, channel),
    phone && phoneIs(phone),
    since && gte(sessions.createdAt, since),
    until && lt(sessions.createdAt, until),
  ];
  return wanted.filter((condition) => condition !== undefined);
}

/** One statement: the row is locked, kept as a version, and changed, or nothing happens. */
async function replace(
  db: Database,
  { id, revision, dataTools, at }: { id: string; revision: number; dataTools: DataTools; at: Date },
): Promise<Session | undefined> {
  const before = db.$with('before').as(
    db
      .select({ id: sessions.id, revision: sessions.revision, dataTools: sessions.dataTools })
      .from(sessions)
      .where(and(eq(sessions.id, id), eq(sessions.revision, revision), isOpenRow))
      .for('update'),
  );
  const kept = db
    .$with('kept')
    .as(
      db
        .insert(dataToolVersions)
        .select(sql`select id, revision, data_tools, ${at.toISOString()}::timestamptz from before`)
        .returning({ id: dataToolVersions.sessionId }),
    );
  const pruned = db.$with('pruned').as(
    db
      .delete(dataToolVersions)
      .where(
        and(eq(dataToolVersions.sessionId, id), lte(dataToolVersions.revision, revision - KEPT_VERSIONS)),
      )
      .returning({ id: dataToolVersions.sessionId }),
  );
  const [after] = await db
    .with(before, kept, pruned)
    .update(sessions)
    .set({ dataTools, revision: revision + 1, lastActiveAt: at })
    .from(before)
    .where(eq(sessions.id, before.id))
    .returning(getTableColumns(sessions));
  // Data tools were checked when they were written.
  return after && { ...after, dataTools: after.dataTools as DataTools };
}

/** Whether an error may be of one row, and not of the database. */
function isOfOneRow(error: unknown): boolean {
  return error instanceof CharlaError && error.code === 'CHARLA_STORE_FAILED';
}
