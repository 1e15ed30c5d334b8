import { LRUCache } from 'lru-cache';
import type { Store } from '../store/store.ts';
import type { Session } from './session.ts';

/** What the trigger `sessions_changed` (migrations/) tells of: ids of sessions that were changed or deleted. */
const CHANGES_CHANNEL = 'charla_sessions';
const MAX_BYTES = 64 * 1024 * 1024;
/** What a session takes beside its data tools, roughly. */
const SESSION_BYTES = 1_000;

/** Sessions in memory, read through. */
export interface SessionCache {
  get(id: string): Promise<Session | undefined>;
  /** This process has changed it: the next read asks the store. */
  forget(id: string): void;
}

/**
 * The database tells of every change, whoever made it, so that what is in memory is right but for the moment that the
 * telling takes. While it cannot be heard, nothing is kept. It begins to listen with the first read.
 *
 * @param load - reads one from the store
 */
export function createSessionCache(
  store: Store,
  load: (id: string) => Promise<Session | undefined>,
): SessionCache {
  const kept = new LRUCache<string, Session>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ dataTools }) => SESSION_BYTES + JSON.stringify(dataTools).length * 2,
  });
  /** Reads under way; one of something that changed meanwhile is used, and not kept. */
  const loading = new Map<string, Promise<Session | undefined>>();
  let listening = false;
  let started = false;

  const start = () => {
    started = true;
    store.listen(CHANGES_CHANNEL, {
      onMessage: forget,
      onListening(now) {
        listening = now;
        kept.clear();
        loading.clear();
      },
    });
  };
  const forget = (id: string) => {
    kept.delete(id);
    loading.delete(id);
  };
  const read = async (id: string) => {
    const reading = load(id);
    loading.set(id, reading);
    try {
      const session = await reading;
      if (listening && session !== undefined && loading.get(id) === reading) kept.set(id, session);
      return session;
    } finally {
      if (loading.get(id) === reading) loading.delete(id);
    }
  };
  return {
    async get(id) {
      if (!started) start();
      return kept.get(id) ?? loading.get(id) ?? read(id);
    },
    forget,
  };
}
