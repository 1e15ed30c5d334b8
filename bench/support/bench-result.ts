import type { Command } from 'commander';

/** Lines of a table: column to cell. Lines may lack columns. */
export type Rows = ReadonlyArray<Readonly<Record<string, string | number>>>;

/** What a benchmark found: tables for people, `json` for programs. */
export interface BenchResult {
  title: string;
  rows: Rows;
  /** Tables below the first one. */
  more?: ReadonlyArray<{ title: string; rows: Rows }>;
  json: object;
}

/** What `bench/<name>.ts` exports. */
export interface BenchModule {
  /** @param args - the command line after the benchmark's name */
  run(args: readonly string[]): Promise<BenchResult>;
  /** Its options, for `--help`; called anew for each parse. */
  command(): Command;
}
