import { sql } from 'drizzle-orm';
import type { Database } from './store.ts';

/** Whether the database takes writes now: a standby does not, and PGlite on a full disk does not. */
export async function isWritable(db: Database): Promise<boolean> {
  const [found] = await db
    .select({ readOnly: sql<string>`current_setting('transaction_read_only')` })
    .from(sql`(select 1) as one`);
  return found?.readOnly === 'off';
}
