import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecaError, execa } from 'execa';
import semver from 'semver';
import { CharlaError, messageOf } from '../../errors.ts';
import { pullProgressText } from '../pull-progress.ts';
import { fetchLivekitRelease } from './fetch-livekit-release.ts';

/** The tag that livekit/go.mod pins; the release and the image are of the same. */
export const LIVEKIT_VERSION = '1.13.3';
/** The oldest one on PATH that is taken: the first with every API that we call. */
const OLDEST_VERSION = '1.9.0';
const TOOL_MODULE = fileURLToPath(new URL('../../../livekit/', import.meta.url));
const PROBE_TIMEOUT_MS = 5000;

/** How livekit-server is started on this machine; its configuration goes in by the variable `LIVEKIT_CONFIG`. */
export interface LivekitServer {
  version: string;
  /** Where it came from, for the table of `charla dev`. */
  source: string;
  command: string;
  args: readonly string[];
  /** Ends what the command may have left outside its process group. */
  cleanUp?: () => Promise<unknown>;
}

export interface GetLivekitOptions {
  /** `CHARLA_HOME`; the binary is kept in its `bin/`. */
  home: string;
  /** Where releases are. @defaultValue the project's own */
  releasesUrl?: string;
  /** Told what is going on, for a progress line. */
  onStep?: (step: string) => void;
  signal?: AbortSignal;
}

type Way = (options: GetLivekitOptions) => Promise<LivekitServer>;

const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ['on PATH', fromPath],
  ['in the cache', fromCache],
  ['download', fromRelease],
  ['go build', fromSource],
  ['Docker', fromDocker],
];

/**
 * Gets a livekit-server that can be started here: from PATH, from our cache, from the project's releases, built from
 * the pinned Go module in `livekit/`, or as a Docker image, in this order.
 *
 * @throws CharlaError `CHARLA_LIVEKIT_NOT_INSTALLED`, with what stood in each one's way
 */
export async function getLivekitServer(options: GetLivekitOptions): Promise<LivekitServer> {
  const attempts: string[] = [];
  for (const [name, way] of WAYS) {
    options.signal?.throwIfAborted();
    try {
      return await way(options);
    } catch (error) {
      attempts.push(`  - ${name}: ${reason(error)}`);
    }
  }
  options.signal?.throwIfAborted();
  throw new CharlaError('CHARLA_LIVEKIT_NOT_INSTALLED', { attempts: attempts.join('\n') });
}

async function fromPath(): Promise<LivekitServer> {
  const version = await versionOf('livekit-server');
  if (semver.lt(version, OLDEST_VERSION))
    throw new Error(`version ${version} is older than ${OLDEST_VERSION}`);
  return { version, source: 'PATH', command: 'livekit-server', args: [] };
}

async function fromCache({ home }: GetLivekitOptions): Promise<LivekitServer> {
  const command = cached(home);
  await access(command, constants.X_OK);
  return { version: await versionOf(command), source: 'cache', command, args: [] };
}

async function fromRelease({ home, releasesUrl, onStep, signal }: GetLivekitOptions): Promise<LivekitServer> {
  const text = pullProgressText();
  onStep?.('looking for the release');
  await fetchLivekitRelease({
    version: LIVEKIT_VERSION,
    target: cached(home),
    ...(releasesUrl !== undefined && { baseUrl: releasesUrl }),
    ...(signal !== undefined && { signal }),
    onProgress: ({ received, total }) =>
      onStep?.(
        text({
          model: 'livekit-server',
          phase: 'download',
          source: 'github.com',
          receivedBytes: received,
          totalBytes: total,
        }),
      ),
  });
  return { ...(await fromCache({ home })), source: 'downloaded' };
}

async function fromSource({ home, onStep, signal }: GetLivekitOptions): Promise<LivekitServer> {
  await execa('go', ['version'], { timeout: PROBE_TIMEOUT_MS });
  onStep?.('building with Go, about a minute');
  const target = cached(home);
  const partial = `${target}.partial-${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    // -s -w: without debugging tables the linker is done sooner, and the file is a third smaller.
    const build = execa(
      'go',
      ['build', '-v', '-ldflags=-s -w', '-o', partial, 'github.com/livekit/livekit-server/cmd/server'],
      { cwd: TOOL_MODULE, stdin: 'ignore', ...(signal !== undefined && { cancelSignal: signal }) },
    );
    let packages = 0;
    for await (const line of build.iterable({ from: 'stderr' })) {
      onStep?.(
        line.startsWith('go: ')
          ? `building with Go: ${line.slice('go: '.length)}`
          : `building with Go, about a minute: ${++packages} packages`,
      );
    }
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
  return { ...(await fromCache({ home })), source: 'built' };
}

async function fromDocker({ onStep, signal }: GetLivekitOptions): Promise<LivekitServer> {
  const image = `livekit/livekit-server:v${LIVEKIT_VERSION}`;
  await execa('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: PROBE_TIMEOUT_MS });
  onStep?.(`pulling ${image}`);
  await execa('docker', ['pull', image], { ...(signal !== undefined && { cancelSignal: signal }) });
  const name = `charla-livekit-${process.pid}`;
  return {
    version: LIVEKIT_VERSION,
    source: 'Docker',
    command: 'docker',
    args: ['run', '--rm', '--name', name, '--network', 'host', '--env', 'LIVEKIT_CONFIG', image],
    cleanUp: () => execa('docker', ['rm', '--force', name], { reject: false, timeout: PROBE_TIMEOUT_MS }),
  };
}

function cached(home: string): string {
  return join(home, 'bin', `livekit-server-${LIVEKIT_VERSION}`);
}

async function versionOf(command: string): Promise<string> {
  const { stdout } = await execa(command, ['--version'], { timeout: PROBE_TIMEOUT_MS });
  const version = semver.coerce(stdout)?.version;
  if (version === undefined) throw new Error(`it does not say its version: ${stdout.slice(0, 80)}`);
  return version;
}

function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'not there';
  if (error instanceof ExecaError) {
    const said = String(error.stderr ?? '')
      .trim()
      .split('\n')
      .at(-1);
    return said || error.originalMessage || error.shortMessage;
  }
  return messageOf(error);
}
