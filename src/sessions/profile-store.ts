import { asc, eq, gt } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { profiles } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type Profile, type ProfileSettings, profileSettingsSchema } from './profile.ts';

/** Profiles as they are kept. Each function throws what {@link Store.query} throws. */
export interface ProfileStore {
  /** By name, from the one after `after` on. */
  list(limit: number, after?: string): Promise<Profile[]>;
  get(name: string): Promise<Profile | undefined>;
  /** As {@link get}; what another process changed within the last second may be missing. */
  getCached(name: string): Promise<Profile | undefined>;
  /**
   * Makes a profile or replaces its settings.
   *
   * @param isExpected - whether what is there now may be replaced; undefined: there is none
   * @returns the profile as it is now, and whether it is new; undefined when it may not
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

/** Profiles in the store. */
export function createProfileStore(store: Store): ProfileStore {
  const cache = new LRUCache<string, Profile | typeof NONE>({ max: MAX_CACHED, ttl: CACHED_FOR_MS });

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
    async put(name, settings, isExpected) {
      const updatedAt = new Date();
      const once = () =>
        store.query((db) =>
          db.transaction(async (tx) => {
            const [before] = await tx.select().from(profiles).where(eq(profiles.name, name)).for('update');
            if (!isExpected(before && asProfile(before))) return null;
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
      return done ?? undefined;
    },
    async delete(name) {
      const gone = await store.query((db) =>
        db.delete(profiles).where(eq(profiles.name, name)).returning({ name: profiles.name }),
      );
      cache.delete(name);
      return gone.length > 0;
    },
  };
}

/** Settings were checked when they were written; an older version may have written fewer. */
function asProfile(row: typeof profiles.$inferSelect): Profile {
  return { ...row, settings: profileSettingsSchema.parse(row.settings) };
}
