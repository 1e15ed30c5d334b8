import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import { messageOf } from '../../errors.ts';

export interface ReleaseOptions {
  version: string;
  /** Where the binary shall be. */
  target: string;
  /** Folder of the releases, without the tag. @defaultValue the project's GitHub releases */
  baseUrl?: string;
  platform?: string;
  arch?: string;
  /** Bytes; without a length in the answer, `total` is what has been received. */
  onProgress?: (progress: { received: number; total: number }) => void;
  signal?: AbortSignal;
  /** For each answer to begin, ms: a closed network must not hold up the next way. @defaultValue 5000 */
  connectTimeoutMs?: number;
}

const RELEASES = 'https://github.com/livekit/livekit/releases/download';
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'armv7' };
const STALL_TIMEOUT_MS = 30_000;

/**
 * Downloads livekit-server from the project's releases, checks it against the release's own `checksums.txt` (fetched
 * over HTTPS from the same release: it finds broken downloads; the trust is in the publisher's site), and unpacks
 * the binary to `target`, which appears complete or not at all.
 *
 * @throws Error whose message is a reason to show: no release for this machine, no connection, a wrong hash
 */
export async function fetchLivekitRelease(options: ReleaseOptions): Promise<void> {
  const { version, target, platform = process.platform, arch = process.arch } = options;
  const architecture = ARCHITECTURES[arch];
  if (platform !== 'linux' || architecture === undefined) {
    throw new Error(`LiveKit publishes no binary for ${platform} ${arch}`);
  }
  const folder = `${options.baseUrl ?? RELEASES}/v${version}`;
  const name = `livekit_${version}_linux_${architecture}.tar.gz`;

  const sums = await open(`${folder}/checksums.txt`, options);
  const expected = (await sums.text())
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, file]) => file === name)?.[0];
  if (expected === undefined) throw new Error(`checksums.txt of v${version} does not name ${name}`);

  await mkdir(dirname(target), { recursive: true });
  const temporary = await mkdtemp(`${target}.partial-`);
  try {
    const archive = join(temporary, name);
    const actual = await download(`${folder}/${name}`, archive, options);
    if (actual !== expected) throw new Error(`${name} has sha256 ${actual}, not ${expected}`);
    await extract({ file: archive, cwd: temporary, filter: (path) => path.endsWith('livekit-server') });
    await rename(join(temporary, 'livekit-server'), target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** @returns sha256 of what was written, in hexadecimal */
async function download(url: string, file: string, options: ReleaseOptions): Promise<string> {
  const stalled = new AbortController();
  const watchdog = setTimeout(() => stalled.abort(new Error(`${url} stalled`)), STALL_TIMEOUT_MS);
  try {
    const response = await open(url, options, stalled.signal);
    const length = Number(response.headers.get('content-length'));
    const hash = createHash('sha256');
    let received = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        watchdog.refresh();
        hash.update(chunk);
        received += chunk.length;
        options.onProgress?.({ received, total: Math.max(length, received) });
        done(null, chunk);
      },
    });
    if (response.body === null) throw new Error(`${url} has no body`);
    await pipeline(Readable.fromWeb(response.body), meter, createWriteStream(file));
    return hash.digest('hex');
  } finally {
    clearTimeout(watchdog);
  }
}

/** Begins a GET; the time limit is for the answer's beginning, not for its body. */
async function open(url: string, options: ReleaseOptions, ...more: AbortSignal[]): Promise<Response> {
  const { connectTimeoutMs = 5000 } = options;
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`${url} did not answer within ${connectTimeoutMs / 1000} s`)),
    connectTimeoutMs,
  );
  const signals = [late.signal, ...more, ...(options.signal === undefined ? [] : [options.signal])];
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return response;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new Error(`${messageOf(error)}${cause}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
