import { defineConfig } from 'drizzle-kit';

/** For `npm run migration`, which writes the next file of `migrations/` after a change of the schema. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/store/schema.ts',
  out: './migrations',
  casing: 'snake_case',
});
