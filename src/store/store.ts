import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** Drizzle over PostgreSQL or PGlite: what both can do. */
export type Database = PgDatabase<PgQueryResultHKT>;

/** Where sessions, calls and profiles are kept. */
export interface Store {
  readonly kind: 'postgres' | 'pglite';
  /** For people and logs; without a password. */
  readonly address: string;
  /**
   * @param operation - queries; to have all of several or none, `db.transaction`
   * @throws CharlaError `CHARLA_STORE_UNAVAILABLE`, `CHARLA_STORE_FULL`, `CHARLA_STORE_FAILED`; a CharlaError of the
   *   operation itself comes through as it is
   */
  query<T>(operation: (db: Database) => Promise<T>): Promise<T>;
  /**
   * Brings the tables to this version of Charla. Of several that try at once one does; one that fails leaves the tables
   * as they were.
   *
   * @returns how many migrations were applied
   */
  migrate(): Promise<number>;
  /** How many migrations of this version are not applied yet. */
  pendingMigrations(): Promise<number>;
  close(): Promise<void>;
}

/** What PostgreSQL and PGlite do differently. */
export interface StoreDriver {
  readonly kind: Store['kind'];
  readonly address: string;
  readonly db: Database;
  /** Applies the migrations of a folder, while nobody else does. */
  migrate(migrationsFolder: string): Promise<void>;
  close(): Promise<void>;
}
