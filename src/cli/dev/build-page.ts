import { createHash } from 'node:crypto';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCES = join(ROOT, 'src', 'web');
const OUTPUT = join(ROOT, 'dist', 'web');
const HASH_FILE = join(OUTPUT, '.source-hash');
/** Beside the sources, what decides how the page comes out. */
const INPUTS = ['vite.config.ts', 'package-lock.json'];

/**
 * Builds the page with Vite into `dist/web`, unless what lies there was built from the sources as they are now.
 *
 * @returns whether it had to be built
 */
export async function buildPage(): Promise<boolean> {
  const hash = await sourceHash();
  if (hash === undefined || (await readFile(HASH_FILE, 'utf8').catch(() => '')) === hash) return false;
  const vite = await viteCommand();
  if (vite === undefined) return false;
  // A process of its own: in ours it would set NODE_ENV to production for everything that is started later.
  await execa(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: ROOT,
    env: { NODE_ENV: 'production' },
    stdin: 'ignore',
  });
  await writeFile(HASH_FILE, hash);
  return true;
}

/** @returns undefined where there are no sources: an installation of the built package */
async function sourceHash(): Promise<string | undefined> {
  const entries = await readdir(SOURCES, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return undefined;
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash('sha256');
  for (const file of [...files.sort(), ...INPUTS.map((name) => join(ROOT, name))]) {
    hash.update(`${relative(ROOT, file)}\0`).update(await readFile(file).catch(() => ''));
  }
  return hash.digest('hex');
}

/** @returns the command's file, or undefined in an installation without development dependencies that brings a page */
async function viteCommand(): Promise<string | undefined> {
  try {
    return fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')));
  } catch (error) {
    await access(join(OUTPUT, 'index.html')).catch(() => {
      throw error;
    });
    return undefined;
  }
}
