import { and, eq, inArray } from 'drizzle-orm';
import type { Config } from '../config/config.ts';
import { dataToolVersions, sessions } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { DataTools } from './data-tools.ts';
import type { NewSession, Session } from './session.ts';

/** Sessions as they are kept. Each function throws what {@link Store.query} throws. */
export interface SessionStore {
  create(session: NewSession): Promise<Session>;
  get(id: string): Promise<Session | undefined>;
  /** The open session of a room. */
  getByRoom(room: string): Promise<Session | undefined>;
  /**
   * Replaces the data tools of an open session, if they are still of this revision, and keeps what they were.
   *
   * @returns the session as it is now; undefined when there is no such open session, or its data tools have changed
   */
  replaceDataTools(id: string, revision: number, dataTools: DataTools): Promise<Session | undefined>;
  /** Ends an open session: it can no longer be joined or changed. */
  end(id: string): Promise<void>;
  /** Deletes a session and everything that hangs on it, for good. */
  delete(id: string): Promise<void>;
}

const OPEN = ['created', 'active'] as const;

/** Sessions in the store. */
export function createSessionStore(
  store: Store,
  { SESSION_MAX_MINUTES }: Pick<Config, 'SESSION_MAX_MINUTES'>,
): SessionStore {
  return {
    async create(session) {
      const now = new Date();
      const created: Session = {
        ...session,
        status: 'created',
        revision: 1,
        createdAt: now,
        lastActiveAt: now,
        expiresAt: new Date(now.getTime() + SESSION_MAX_MINUTES * 60_000),
        endedAt: null,
      };
      await store.query((db) => db.insert(sessions).values(created));
      return created;
    },
    async get(id) {
      const [found] = await store.query((db) => db.select().from(sessions).where(eq(sessions.id, id)));
      return found && asSession(found);
    },
    async getByRoom(room) {
      const [found] = await store.query((db) =>
        db
          .select()
          .from(sessions)
          .where(and(eq(sessions.room, room), inArray(sessions.status, OPEN))),
      );
      return found && asSession(found);
    },
    replaceDataTools(id, revision, dataTools) {
      return store.query((db) =>
        db.transaction(async (tx) => {
          const [before] = await tx
            .select({ dataTools: sessions.dataTools })
            .from(sessions)
            .where(and(eq(sessions.id, id), eq(sessions.revision, revision), inArray(sessions.status, OPEN)))
            .for('update');
          if (before === undefined) return undefined;
          const now = new Date();
          await tx
            .insert(dataToolVersions)
            .values({ sessionId: id, revision, dataTools: before.dataTools, replacedAt: now });
          const [after] = await tx
            .update(sessions)
            .set({ dataTools, revision: revision + 1, lastActiveAt: now })
            .where(eq(sessions.id, id))
            .returning();
          return after && asSession(after);
        }),
      );
    },
    async end(id) {
      const ended = { status: 'ended', endedAt: new Date() } as const;
      await store.query((db) =>
        db
          .update(sessions)
          .set(ended)
          .where(and(eq(sessions.id, id), inArray(sessions.status, OPEN))),
      );
    },
    async delete(id) {
      await store.query((db) => db.delete(sessions).where(eq(sessions.id, id)));
    },
  };
}

/** Data tools were checked when they were written. */
function asSession(row: typeof sessions.$inferSelect): Session {
  return { ...row, dataTools: row.dataTools as DataTools };
}
