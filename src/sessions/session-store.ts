import { LRUCache } from 'lru-cache';
import type { Language } from '../config/config.ts';
import type { DataTools } from './data-tools.ts';

/** One conversation: who talks, where, and what is known about them. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly room: string;
  readonly profile: string;
  readonly channel: string;
  readonly language: Language;
  readonly dataTools: DataTools;
  /** Grows by one with each change of the data tools. */
  readonly revision: number;
  readonly createdAt: Date;
}

export type NewSession = Omit<Session, 'revision' | 'createdAt'>;

/** Where sessions are kept. Asynchronous, so that a database can stand behind it. */
export interface SessionStore {
  create(session: NewSession): Promise<Session>;
  get(id: string): Promise<Session | undefined>;
  getByRoom(room: string): Promise<Session | undefined>;
  /** Replaces the data tools; undefined when there is no such session. */
  updateDataTools(id: string, dataTools: DataTools): Promise<Session | undefined>;
  delete(id: string): Promise<void>;
}

export interface MemoryLimits {
  /** A session that nobody asks for is dropped after this long. ms */
  idleMs?: number;
  maxSessions?: number;
  /** Bytes of all data tools together, as JSON. */
  maxBytes?: number;
}

const DEFAULT_LIMITS = { idleMs: 24 * 3_600_000, maxSessions: 10_000, maxBytes: 256 * 1024 * 1024 } as const;

/** Sessions in the memory of this process. Over the limits, those unused for longest are dropped. */
export function createMemorySessionStore(limits: MemoryLimits = {}): SessionStore {
  const { idleMs, maxSessions, maxBytes } = { ...DEFAULT_LIMITS, ...limits };
  const rooms = new Map<string, string>();
  const sessions = new LRUCache<string, Session>({
    max: maxSessions,
    maxSize: maxBytes,
    sizeCalculation: ({ dataTools }) => Buffer.byteLength(JSON.stringify(dataTools)),
    ttl: idleMs,
    updateAgeOnGet: true,
    dispose: (session, id, reason) => {
      if (reason !== 'set' && rooms.get(session.room) === id) rooms.delete(session.room);
    },
  });
  return {
    async create(session) {
      const created = { ...session, revision: 1, createdAt: new Date() };
      rooms.set(session.room, session.id);
      sessions.set(session.id, created);
      return created;
    },
    async get(id) {
      return sessions.get(id);
    },
    async getByRoom(room) {
      const id = rooms.get(room);
      return id === undefined ? undefined : sessions.get(id);
    },
    async updateDataTools(id, dataTools) {
      const session = sessions.get(id);
      if (session === undefined) return undefined;
      const updated = { ...session, dataTools, revision: session.revision + 1 };
      sessions.set(id, updated);
      return updated;
    },
    async delete(id) {
      sessions.delete(id);
    },
  };
}
