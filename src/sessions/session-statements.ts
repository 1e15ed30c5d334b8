import { and, eq, inArray, sql } from 'drizzle-orm';
import { sessions } from '../store/schema.ts';
import type { Database, Store } from '../store/store.ts';
import type { DataTools } from './data-tools.ts';
import { OPEN_STATUSES, type Session } from './session.ts';

/** The statements that most requests need, prepared once: building one anew takes longer than running it. */
export interface SessionStatements {
  get(id: string): Promise<Session | undefined>;
  /** The open session of a room. */
  getByRoom(room: string): Promise<Session | undefined>;
  /** @returns ids of those that were written: no other open session has their room */
  insert(batch: readonly Session[]): Promise<ReadonlySet<string>>;
}

/** Of sessions that are open. */
export const isOpenRow = inArray(sessions.status, OPEN_STATUSES);

/** @returns each function throws what {@link Store.query} throws */
export function createSessionStatements(store: Store): SessionStatements {
  let statements: ReturnType<typeof prepare> | undefined;
  const prepared = (db: Database) => {
    statements ??= prepare(db);
    return statements;
  };
  return {
    async get(id) {
      const [found] = await store.query((db) => prepared(db).byId.execute({ id }));
      return found && asSession(found);
    },
    async getByRoom(room) {
      const [found] = await store.query((db) => prepared(db).byRoom.execute({ room }));
      return found && asSession(found);
    },
    async insert(batch) {
      const rows = {
        ids: batch.map(({ id }) => id),
        userIds: batch.map(({ userId }) => userId),
        rooms: batch.map(({ room }) => room),
        profiles: batch.map(({ profile }) => profile),
        channels: batch.map(({ channel }) => channel),
        languages: batch.map(({ language }) => language),
        phones: batch.map(({ phone }) => (phone === null ? null : JSON.stringify(phone))),
        statuses: batch.map(({ status }) => status),
        dataTools: batch.map(({ dataTools }) => JSON.stringify(dataTools)),
        revisions: batch.map(({ revision }) => revision),
        createdAt: batch.map(({ createdAt }) => createdAt.toISOString()),
        lastActiveAt: batch.map(({ lastActiveAt }) => lastActiveAt.toISOString()),
        expiresAt: batch.map(({ expiresAt }) => expiresAt.toISOString()),
      };
      const written = await store.query((db) => prepared(db).insert.execute(rows));
      return new Set(written.map(({ id }) => id));
    },
  };
}

function prepare(db: Database) {
  const { placeholder } = sql;
  return {
    byId: db
      .select()
      .from(sessions)
      .where(eq(sessions.id, placeholder('id')))
      .prepare('charla_session_by_id'),
    byRoom: db
      .select()
      .from(sessions)
      .where(and(eq(sessions.room, placeholder('room')), isOpenRow))
      .prepare('charla_session_by_room'),
    // One statement for any number of rows; the columns stand in the order of the table.
    insert: db
      .insert(sessions)
      .select(
        sql`select id, user_id, room, profile, channel, language, phone::json, status, data_tools::json, revision,
              created_at::timestamptz, last_active_at::timestamptz, expires_at::timestamptz, null::timestamptz
            from unnest(
              ${placeholder('ids')}::text[], ${placeholder('userIds')}::text[], ${placeholder('rooms')}::text[],
              ${placeholder('profiles')}::text[], ${placeholder('channels')}::text[],
              ${placeholder('languages')}::text[], ${placeholder('phones')}::text[], ${placeholder('statuses')}::text[],
              ${placeholder('dataTools')}::text[], ${placeholder('revisions')}::integer[],
              ${placeholder('createdAt')}::text[], ${placeholder('lastActiveAt')}::text[],
              ${placeholder('expiresAt')}::text[]
            ) as row (id, user_id, room, profile, channel, language, phone, status, data_tools, revision,
              created_at, last_active_at, expires_at)`,
      )
      .onConflictDoNothing()
      .returning({ id: sessions.id })
      .prepare('charla_create_sessions'),
  };
}

/** Data tools were checked when they were written. */
function asSession(row: typeof sessions.$inferSelect): Session {
  return { ...row, dataTools: row.dataTools as DataTools };
}
