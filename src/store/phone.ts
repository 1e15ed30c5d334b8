import { or, type SQL, sql } from 'drizzle-orm';
import { sessions } from './schema.ts';

/** The two ends of a telephone call. Numbers are in E.164 (`+34911234567`) where the carrier gives them so. */
export interface Phone {
  /** Whether they called us, or we them. */
  readonly direction: 'inbound' | 'outbound';
  /** Null where it is withheld. */
  readonly caller: string | null;
  readonly called: string | null;
}

/** Sessions of telephone calls to or from one number. @param written - in each of the ways in which carriers write it */
export function phoneIs(written: readonly string[]): SQL | undefined {
  return or(
    ...written.flatMap((number) => [
      sql`${sessions.phone} ->> 'caller' = ${number}`,
      sql`${sessions.phone} ->> 'called' = ${number}`,
    ]),
  );
}
