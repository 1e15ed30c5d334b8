import type { Readable } from 'node:stream';
import { and, asc, eq } from 'drizzle-orm';
import { CharlaError } from '../errors.ts';
import { MEDIA_TYPES } from '../recording-media-types.ts';
import type { ByteRange, KeptFile, RecordingFiles } from '../store/recording-files.ts';
import { calls, recordings, sessions } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** The sound of a call, in a file. */
export interface Recording extends KeptFile {
  readonly id: string;
  readonly callId: string;
  readonly format: 'ogg' | 'wav';
  readonly bytes: number;
  readonly durationMs: number;
  /** When it began. */
  readonly createdAt: Date;
}

/** Recordings of calls: what is known of them, and their files. Each function throws what {@link Store.query} throws. */
export interface RecordingStore {
  /** Of a call, in the order in which they began. */
  list(callId: string): Promise<Recording[]>;
  get(callId: string, id: string): Promise<Recording | undefined>;
  /** @throws CharlaError `CHARLA_CALL_NOT_FOUND` */
  requireCall(callId: string): Promise<void>;
  /**
   * Keeps a recording; one that is there already stays as it is.
   *
   * @param path - its file, which may be moved away
   * @throws CharlaError `CHARLA_CALL_NOT_FOUND`, `CHARLA_RECORDINGS_UNAVAILABLE`
   */
  add(recording: Omit<Recording, 'storage' | 'file'>, path: string): Promise<Recording>;
  /** The sound of it, or a part. @throws CharlaError `CHARLA_RECORDINGS_UNAVAILABLE` */
  read(recording: Recording, range?: ByteRange): Promise<Readable>;
  /** Deletes it and its file. @returns whether there was one @throws CharlaError `CHARLA_RECORDINGS_UNAVAILABLE` */
  delete(callId: string, id: string): Promise<boolean>;
}

/** Recordings in the store, and their files wherever these are kept. */
export function createRecordingStore(store: Store, files: RecordingFiles): RecordingStore {
  const get = async (callId: string, id: string) => {
    const own = and(eq(recordings.callId, callId), eq(recordings.id, id));
    const [found] = await store.query((db) => db.select().from(recordings).where(own));
    return found;
  };
  return {
    get,
    list: (callId) =>
      store.query((db) =>
        db
          .select()
          .from(recordings)
          .where(eq(recordings.callId, callId))
          .orderBy(asc(recordings.createdAt), asc(recordings.id)),
      ),
    async requireCall(callId) {
      const found = await store.query((db) =>
        db.select({ id: calls.id }).from(calls).where(eq(calls.id, callId)),
      );
      if (found.length === 0) throw new CharlaError('CHARLA_CALL_NOT_FOUND', { id: callId });
    },
    async add(recording, path) {
      const { callId, id, format } = recording;
      // The same one twice is one file, also where the first attempt broke off before its row was written.
      const kept = await files.put(`recordings/${callId}/${id}.${format}`, path, MEDIA_TYPES[format]);
      const row = { ...recording, ...kept };
      const isThere = await store.query((db) =>
        db.transaction(async (tx) => {
          // Nobody deletes the session, and with it the files that have a row, before this one has one.
          const held = await tx
            .select({ id: sessions.id })
            .from(sessions)
            .innerJoin(calls, eq(calls.sessionId, sessions.id))
            .where(eq(calls.id, callId))
            .for('key share', { of: sessions });
          if (held.length === 0) return false;
          const inserted = await tx.insert(recordings).values(row).onConflictDoNothing().returning();
          const own = and(eq(recordings.id, id), eq(recordings.callId, callId));
          return inserted.length > 0 || (await tx.select().from(recordings).where(own)).length > 0;
        }),
      );
      if (isThere) return row;
      await files.delete([kept]);
      throw new CharlaError('CHARLA_CALL_NOT_FOUND', { id: callId });
    },
    read: (recording, range) => files.read(recording, range),
    async delete(callId, id) {
      const found = await get(callId, id);
      if (found === undefined) return false;
      const [reason] = (await files.delete([found])).values();
      if (reason !== undefined) throw new CharlaError('CHARLA_RECORDINGS_UNAVAILABLE', { reason });
      await store.query((db) => db.delete(recordings).where(eq(recordings.id, id)));
      return true;
    },
  };
}
