import type { PGlite } from '@electric-sql/pglite';
import { messageOf } from '../errors.ts';
import { every } from '../every.ts';
import type { Logger } from '../telemetry/log.ts';

const CHECKPOINT_MS = 5 * 60_000;
const VACUUM_EVERY = 12;

/**
 * Does what a PostgreSQL server does by itself in processes that PGlite does not have: a checkpoint every five minutes, or
 * its log would keep growing and be read from its beginning after a crash; and once an hour a vacuum, or every row that
 * was ever changed would keep its room.
 *
 * @returns ends it
 */
export function startPgliteUpkeep(client: PGlite, log: Logger): () => Promise<void> {
  let rounds = 0;
  const run = async () => {
    rounds += 1;
    if (rounds % VACUUM_EVERY === 0) await client.exec('vacuum');
    await client.exec('checkpoint');
  };
  return every(CHECKPOINT_MS, run, {
    onError(error) {
      const reason = messageOf(error);
      log.warn({ reason }, 'the database could not be tidied; the next try is in five minutes');
    },
  });
}
