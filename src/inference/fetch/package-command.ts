import { mkdir } from 'node:fs/promises';
import { ExecaError, execa } from 'execa';
import { type FetchOptions, SourceError } from './fetch-options.ts';
import { folderSize } from './folder-size.ts';

/** A package manager that has written nothing for this long (ms) is given up. */
const STALL_MS = 90_000;
const POLL_MS = 200;

/**
 * Runs a package manager that downloads into `folder`. It says nothing of its progress, so the folder is watched as it
 * grows; its temporary files go there too.
 *
 * @throws SourceError with the last line it wrote, or that it stopped
 */
export async function runPackageCommand(
  command: readonly [string, ...string[]],
  folder: string,
  { onBytes, signal }: Omit<FetchOptions, 'onVerify'>,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const stalled = new AbortController();
  let largest = 0;
  let grewAt = Date.now();
  const watch = setInterval(async () => {
    const size = await folderSize(folder);
    if (size > largest) {
      largest = size;
      grewAt = Date.now();
      onBytes(size);
    } else if (Date.now() - grewAt > STALL_MS) stalled.abort();
  }, POLL_MS);
  const [file, ...args] = command;
  try {
    const { stdout } = await execa(file, args, {
      cwd: folder,
      env: { TMPDIR: folder },
      stdin: 'ignore',
      cancelSignal: AbortSignal.any([stalled.signal, ...(signal ? [signal] : [])]),
    });
    return stdout;
  } catch (cause) {
    signal?.throwIfAborted();
    if (stalled.signal.aborted) throw new SourceError(`stopped sending for ${STALL_MS / 1000} s`, { cause });
    if (!(cause instanceof ExecaError)) throw cause;
    if (cause.code === 'ENOENT') throw new SourceError(`needs ${file}, which is not installed`, { cause });
    throw new SourceError(`failed: ${reasonOf(cause)}`, { cause });
  } finally {
    clearInterval(watch);
  }
}

/**
 * The line that says what went wrong. pip ends with it, before notices; npm starts with it, after codes that say less,
 * and writes much more behind it.
 */
function reasonOf(cause: ExecaError): string {
  const lines = String(cause.stderr ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (
    lines.find((line) => /^npm error (?!code|syscall|errno|A complete log)/.test(line)) ??
    lines.findLast((line) => /^ERROR/.test(line)) ??
    lines.at(-1) ??
    cause.shortMessage
  );
}
