import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MIGRATIONS = join(ROOT, 'migrations');
const CACHE = join(ROOT, 'node_modules/.cache/charla-test-store');

/** The files of an empty PGlite with all tables: starting with them takes a sixth of making them (0.4 s, not 2.5 s). */
export async function pgliteTemplate(): Promise<Blob> {
  const file = join(CACHE, `${await version()}.tar`);
  const kept = await readFile(file).catch(() => undefined);
  if (kept !== undefined) return new Blob([kept]);
  const client = await PGlite.create();
  await migrate(drizzle(client), { migrationsFolder: MIGRATIONS });
  const template = await client.dumpDataDir('none');
  await client.close();
  await rm(CACHE, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  // Test files that run at once each write one of their own: whoever reads has all of it.
  const unfinished = join(CACHE, randomUUID());
  await writeFile(unfinished, Buffer.from(await template.arrayBuffer()));
  await rename(unfinished, file);
  return template;
}

/** Of what makes it: PGlite and the migrations. */
async function version(): Promise<string> {
  const files = (await readdir(MIGRATIONS, { recursive: true })).filter((name) => /\.(sql|json)$/.test(name));
  const hash = createHash('sha256');
  const library = join(ROOT, 'node_modules/@electric-sql/pglite/package.json');
  for (const path of [library, ...files.toSorted().map((name) => join(MIGRATIONS, name))]) {
    hash.update(await readFile(path));
  }
  return hash.digest('hex');
}
