import { eq, inArray } from 'drizzle-orm';
import { type RecordingsConfig, recordingFiles } from './recording-files.ts';
import { calls, recordings } from './schema.ts';
import type { Database } from './store.ts';

/**
 * Deletes the files of sessions' recordings, before their rows: a file that no row names would stay for ever.
 *
 * @returns the sessions of which a file could not be deleted, and why
 */
export async function deleteRecordings(
  db: Database,
  sessionIds: readonly string[],
  config: RecordingsConfig,
): Promise<Map<string, string>> {
  if (sessionIds.length === 0) return new Map();
  const files = await db
    .select({ storage: recordings.storage, file: recordings.file, sessionId: calls.sessionId })
    .from(recordings)
    .innerJoin(calls, eq(recordings.callId, calls.id))
    .where(inArray(calls.sessionId, [...sessionIds]));
  const left = await recordingFiles(config).delete(files);
  const kept = new Map<string, string>();
  for (const file of files) {
    const reason = left.get(file);
    if (reason !== undefined) kept.set(file.sessionId, reason);
  }
  return kept;
}
