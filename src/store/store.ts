import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** Drizzle over PostgreSQL or PGlite: what both can do. */
export type Database = PgDatabase<PgQueryResultHKT>;

/** Hears what is said on a channel of the database (`NOTIFY`). */
export interface StoreListener {
  onMessage(payload: string): void;
  /** @param listening - whether every message is heard from now on; false while the connection is lost */
  onListening(listening: boolean): void;
}

/** Where sessions, calls and profiles are kept. */
export interface Store {
  readonly kind: 'postgres' | 'pglite';
  /** For people and logs; without a password. */
  readonly address: string;
  /**
   * @param operation - queries, a few seconds at most; to have all of several or none, `db.transaction`. Within that,
   *   only its own queries: PGlite has one connection, and `query` would wait for itself
   * @throws CharlaError `CHARLA_STORE_UNAVAILABLE`, `CHARLA_STORE_FULL`, `CHARLA_STORE_LOCKED`, `CHARLA_STORE_FAILED`;
   *   a CharlaError of the operation itself comes through as it is
   */
  query<T>(operation: (db: Database) => Promise<T>): Promise<T>;
  /** Listens to a channel from some moment soon on until the store closes; connects anew by itself. */
  listen(channel: string, listener: StoreListener): void;
  /**
   * Brings the tables to this version of Charla. Of several that try at once one does; one that fails leaves the tables
   * as they were.
   *
   * @returns how many migrations this call applied
   * @throws CharlaError `CHARLA_STORE_MIGRATION_FAILED`, and as {@link Store.pendingMigrations}
   */
  migrate(): Promise<number>;
  /**
   * How many migrations of this version are not applied yet.
   *
   * @throws CharlaError `CHARLA_STORE_NEWER` when a newer version of Charla has migrated, and as {@link Store.query}
   */
  pendingMigrations(): Promise<number>;
  close(): Promise<void>;
}

/** What PostgreSQL and PGlite do differently. Errors are those of their libraries, or a CharlaError. */
export interface StoreDriver {
  readonly kind: Store['kind'];
  readonly address: string;
  /** The same for as long as the store is open: statements may be prepared on it. */
  readonly db: Database;
  /** As {@link Store.listen}. */
  listen(channel: string, listener: StoreListener): void;
  /** What stands against an operation now. @throws CharlaError */
  check?(): Promise<void>;
  /** Runs while nobody else migrates, without limits of time; `apply` applies the migrations of a folder, all or none. */
  migrate<T>(run: (db: Database, apply: (folder: string) => Promise<void>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
