import type { TestProject } from 'vitest/node';
import { startPostgres } from '../support/postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
  }
}

/** A PostgreSQL for all files of the project, or the one that TEST_DATABASE_URL names. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.TEST_DATABASE_URL;
  if (given) {
    project.provide('databaseUrl', given);
    return undefined;
  }
  const server = await startPostgres();
  project.provide('databaseUrl', server.url);
  return server.remove;
}
