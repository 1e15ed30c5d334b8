import { and, asc, eq, gt, ne, or, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { CharlaError } from '../errors.ts';
import { profiles } from '../store/schema.ts';
import type { Database, Store } from '../store/store.ts';
import { digitsOf, spellings } from './phone-number.ts';
import { type Profile, type ProfileSettings, profileSettingsSchema } from './profile.ts';

/** Profiles as they are kept. Each function throws what {@link Store.query} throws. */
export interface ProfileStore {
  /** By name, from the one after `after` on. */
  list(limit: number, after?: string): Promise<Profile[]>;
  get(name: string): Promise<Profile | undefined>;
  /** As {@link get}; what another process changed within the last second may be missing. */
  getCached(name: string): Promise<Profile | undefined>;
  /**
   * Name of the profile that answers one of our telephone numbers; what another process changed within the last second may
   * be missing.
   *
   * @param number - of `phoneNumber`
   */
  forNumber(number: string): Promise<string | undefined>;
  /**
   * Makes a profile or replaces its settings.
   *
   * @param isExpected - whether what is there now may be replaced; undefined: there is none
   * @returns the profile as it is now, and whether it is new; undefined when it may not
   * @throws CharlaError `CHARLA_PROFILE_NUMBER_TAKEN`: another profile answers one of its numbers
   */
  put(
    name: string,
    settings: ProfileSettings,
    isExpected: (current: Profile | undefined) => boolean,
  ): Promise<{ profile: Profile; created: boolean } | undefined>;
  /** @returns whether there was one */
  delete(name: string): Promise<boolean>;
}

/** A profile changes once in a while, and each start of a session needs it. */
const CACHED_FOR_MS = 1_000;
const MAX_CACHED = 1_000;
const NONE = Symbol('no such profile');
/** Of the lock that those who write numbers take in turn: of two that want the same number, one sees the other. */
const NUMBERS_LOCK = 0x63_68_61_6e;

/** Profiles in the store. */
export function createProfileStore(store: Store): ProfileStore {
  const cache = new LRUCache<string, Profile | typeof NONE>({ max: MAX_CACHED, ttl: CACHED_FOR_MS });
  const byNumber = new LRUCache<string, string | typeof NONE>({ max: MAX_CACHED, ttl: CACHED_FOR_MS });

  const get = async (name: string) => {
    const [found] = await store.query((db) => db.select().from(profiles).where(eq(profiles.name, name)));
    return found && asProfile(found);
  };

  return {
    get,
    async list(limit, after) {
      const rows = await store.query((db) =>
        db
          .select()
          .from(profiles)
          .where(after === undefined ? undefined : gt(profiles.name, after))
          .orderBy(asc(profiles.name))
          .limit(limit),
      );
      return rows.map(asProfile);
    },
    async getCached(name) {
      const known = cache.get(name);
      if (known !== undefined) return known === NONE ? undefined : known;
      const found = await get(name);
      cache.set(name, found ?? NONE);
      return found;
    },
    async forNumber(number) {
      const known = byNumber.get(number);
      if (known !== undefined) return known === NONE ? undefined : known;
      const found = await store.query((db) => profileOf(db, [number]));
      byNumber.set(number, found?.name ?? NONE);
      return found?.name;
    },
    async put(name, settings, isExpected) {
      const updatedAt = new Date();
      const once = () =>
        store.query((db) =>
          db.transaction(async (tx) => {
            const [before] = await tx.select().from(profiles).where(eq(profiles.name, name)).for('update');
            if (!isExpected(before && asProfile(before))) return null;
            await claimNumbers(tx, name, settings.numbers ?? []);
            const [after] =
              before === undefined
                ? await tx
                    .insert(profiles)
                    .values({ name, settings, revision: 1, updatedAt })
                    .onConflictDoNothing()
                    .returning()
                : await tx
                    .update(profiles)
                    .set({ settings, revision: before.revision + 1, updatedAt })
                    .where(eq(profiles.name, name))
                    .returning();
            return after && { profile: asProfile(after), created: before === undefined };
          }),
        );
      let done = await once();
      // Somebody else has made it since we looked.
      while (done === undefined) done = await once();
      cache.delete(name);
      byNumber.clear();
      return done ?? undefined;
    },
    async delete(name) {
      const gone = await store.query((db) =>
        db.delete(profiles).where(eq(profiles.name, name)).returning({ name: profiles.name }),
      );
      cache.delete(name);
      byNumber.clear();
      return gone.length > 0;
    },
  };
}

/** The profile that answers one of these numbers, however it is written. @param except - its name, which is not meant */
async function profileOf(
  db: Database,
  numbers: readonly string[],
  except = '',
): Promise<Profile | undefined> {
  const wanted = new Set(numbers.flatMap(spellings));
  // Digits as text, of which few profiles have the same: `jsonb` takes no settings with a NUL in them.
  const has = numbers.map((number) => sql`position(${digitsOf(number)} in ${profiles.settings}::text) > 0`);
  const found = await db
    .select()
    .from(profiles)
    .where(and(ne(profiles.name, except), or(...has)));
  return found.map(asProfile).find(({ settings }) => settings.numbers?.some((number) => wanted.has(number)));
}

/** @throws CharlaError `CHARLA_PROFILE_NUMBER_TAKEN` */
async function claimNumbers(tx: Database, name: string, numbers: readonly string[]): Promise<void> {
  if (numbers.length === 0) return;
  await tx.execute(sql`select pg_advisory_xact_lock(${NUMBERS_LOCK}::integer)`);
  const other = await profileOf(tx, numbers, name);
  if (other === undefined) return;
  const theirs = new Set(other.settings.numbers?.flatMap(spellings));
  const number = numbers.find((one) => theirs.has(one)) ?? '';
  throw new CharlaError('CHARLA_PROFILE_NUMBER_TAKEN', { number, other: other.name });
}

/** Settings were checked when they were written; an older version may have written fewer. */
function asProfile(row: typeof profiles.$inferSelect): Profile {
  return { ...row, settings: profileSettingsSchema.parse(row.settings) };
}
