import { rm } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { eq, inArray } from 'drizzle-orm';
import { messageOf } from '../errors.ts';
import { calls, recordings } from './schema.ts';
import type { Database } from './store.ts';

/**
 * Deletes the files of sessions' recordings, before their rows: a file that no row names would stay for ever.
 *
 * @param home - CHARLA_HOME, which the files are under
 * @returns the sessions of which a file could not be deleted, and why
 */
export async function deleteRecordings(
  db: Database,
  sessionIds: readonly string[],
  home: string,
): Promise<Map<string, string>> {
  if (sessionIds.length === 0) return new Map();
  const files = await db
    .select({ file: recordings.file, sessionId: calls.sessionId })
    .from(recordings)
    .innerJoin(calls, eq(recordings.callId, calls.id))
    .where(inArray(calls.sessionId, [...sessionIds]));
  const kept = new Map<string, string>();
  for (const { file, sessionId } of files) {
    try {
      await rm(pathUnder(home, file), { force: true });
    } catch (error) {
      kept.set(sessionId, messageOf(error));
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
