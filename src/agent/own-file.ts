import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lock } from 'proper-lockfile';

/** A file whose owner has not renewed its lock for this long was left by a process that is gone. ms */
const STALE_MS = 20_000;

/**
 * Makes a file our own, whether or not it is there yet: nobody else on this machine touches it while we live.
 *
 * @param onLost - told when we were held up for so long that somebody else may have taken it
 * @returns leaves it to whoever takes it next; undefined while it is another's
 */
export async function ownFile(path: string, onLost: () => void): Promise<(() => Promise<void>) | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return await lock(path, { stale: STALE_MS, realpath: false, onCompromised: onLost });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ELOCKED') return undefined;
    throw error;
  }
}
