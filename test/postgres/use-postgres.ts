import { inject } from 'vitest';

// Read by test/support/store.ts; only the files of this project see it.
process.env.TEST_DATABASE_URL = inject('databaseUrl');
