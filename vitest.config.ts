import { defineConfig } from 'vitest/config';

/** What asks the store for something: in `unit` on PGlite, in `postgres` once more on a real PostgreSQL. */
const ON_BOTH_DATABASES = [
  'test/{store,calls,integrations,http}/**/*.test.ts',
  'test/sessions/{session-store,sweeper}.test.ts',
];
const ON_PGLITE_ONLY = ['test/store/pglite*.test.ts'];

/** Unit tests run in parallel; `e2e` shares one real stack and two cores, so its files run one after another. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
          exclude: ['test/e2e/**', 'test/postgres/**'],
          // PGlite, whatever the shell says.
          env: { TEST_DATABASE_URL: '' },
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'postgres',
          include: ['test/postgres/**/*.test.ts', ...ON_BOTH_DATABASES],
          exclude: ON_PGLITE_ONLY,
          globalSetup: ['test/postgres/global-setup.ts'],
          setupFiles: ['test/postgres/use-postgres.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
