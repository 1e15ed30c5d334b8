import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici';
import type { PinnedFile } from '../catalogue.ts';
import { type FetchOptions, SourceError } from './fetch-options.ts';
import { sha256File } from './sha256-file.ts';

/** Limits in milliseconds: to connect, to the answer's first byte, and between two pieces of the body. */
export const HTTPS_TIMEOUTS = { connectMs: 5_000, answerMs: 15_000, stallMs: 30_000 };

/** Connections cut while bytes still came are taken up again this often. */
const RESUMES = 5;

/**
 * Downloads one file to `target`, by way of `target.part`: what an earlier attempt left there is continued with a range
 * request. The file appears under its own name only once its size and SHA-256 are right. Proxies are taken from the
 * environment (`HTTPS_PROXY`, `NO_PROXY`).
 *
 * @throws SourceError when the server cannot be reached, refuses, stalls, or sends something else
 */
export async function downloadFile(
  file: PinnedFile & { url: string },
  target: string,
  { onBytes, onVerify, signal }: FetchOptions,
  timeouts: typeof HTTPS_TIMEOUTS = HTTPS_TIMEOUTS,
): Promise<void> {
  const part = `${target}.part`;
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.answerMs,
    bodyTimeout: timeouts.stallMs,
  });
  const following = dispatcher.compose(interceptors.redirect({ maxRedirections: 5 }));
  try {
    const resumed = (await sizeOf(part)) > 0;
    await receive(file, part, { dispatcher: following, onBytes, signal });
    onVerify();
    if (resumed && (await sha256File(part, signal)) !== file.sha256) {
      // The start came from an earlier attempt: perhaps only that is wrong.
      await rm(part);
      await receive(file, part, { dispatcher: following, onBytes, signal });
    }
    const sha256 = await sha256File(part, signal);
    if (sha256 !== file.sha256) {
      await rm(part);
      throw new SourceError(`sends another file than the known one (sha256 ${sha256})`);
    }
    await rename(part, target);
  } finally {
    await dispatcher.destroy();
  }
}

interface Transfer {
  dispatcher: Dispatcher;
  onBytes: (received: number) => void;
  signal?: AbortSignal | undefined;
}

async function receive(file: PinnedFile & { url: string }, part: string, transfer: Transfer): Promise<void> {
  for (let resumes = 0; ; resumes++) {
    const before = await sizeOf(part);
    if (before === file.bytes) return;
    try {
      await receiveOnce(file, part, before, transfer);
    } catch (cause) {
      transfer.signal?.throwIfAborted();
      const grew = (await sizeOf(part)) > before;
      if (cause instanceof SourceError || !grew || resumes === RESUMES) throw asSourceError(cause);
      continue;
    }
    const after = await sizeOf(part);
    if (after !== file.bytes) {
      await rm(part, { force: true });
      throw new SourceError(`sends ${after} bytes instead of ${file.bytes}`);
    }
  }
}

async function receiveOnce(
  file: PinnedFile & { url: string },
  part: string,
  from: number,
  { dispatcher, onBytes, signal }: Transfer,
): Promise<void> {
  const range = from > 0 && from < file.bytes ? { range: `bytes=${from}-` } : {};
  const { statusCode, headers, body } = await request(file.url, {
    dispatcher,
    headers: { 'accept-encoding': 'identity', ...range },
    ...(signal && { signal }),
  });
  const continues =
    statusCode === 206 && String(headers['content-range']).startsWith(`bytes ${from}-`) && 'range' in range;
  if (statusCode !== 200 && !continues) {
    await body.dump();
    throw new SourceError(`answers ${statusCode} for ${new URL(file.url).pathname}`);
  }
  let received = continues ? from : 0;
  onBytes(received);
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        received += chunk.length;
        if (received > file.bytes) throw new SourceError(`sends more than ${file.bytes} bytes`);
        onBytes(received);
        yield chunk;
      }
    },
    createWriteStream(part, { flags: continues ? 'a' : 'w' }),
    { ...(signal && { signal }) },
  );
}

function asSourceError(cause: unknown): SourceError {
  if (cause instanceof SourceError) return cause;
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string };
  const reasons: Record<string, string> = {
    ENOTFOUND: 'is not known here (no internet?)',
    EAI_AGAIN: 'is not known here (no internet?)',
    ECONNREFUSED: 'refuses the connection',
    UND_ERR_CONNECT_TIMEOUT: 'cannot be connected to in time',
    UND_ERR_HEADERS_TIMEOUT: 'does not answer in time',
    UND_ERR_BODY_TIMEOUT: 'stopped sending',
    UND_ERR_SOCKET: 'cut the connection',
    ECONNRESET: 'cut the connection',
  };
  return new SourceError(reasons[code] ?? `failed: ${message}`, { cause });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
