import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecaError, execa } from 'execa';
import semver from 'semver';
import { CharlaError, type ErrorCode, messageOf } from '../../errors.ts';
import { pullProgressText } from '../pull-progress.ts';
import { fetchLivekitRelease } from './fetch-livekit-release.ts';

/** A program of LiveKit's that `livekit/go.mod` pins. */
export interface LivekitProgram {
  /** Its name on PATH. */
  name: string;
  /** The tag that is pinned; the release and the image are of the same. */
  version: string;
  /** The oldest one on PATH that is taken. Undefined: any, where it does not know its own version. */
  oldestVersion?: string;
  goPackage: string;
  /** Over the pinned module, for the linker. */
  goVariables?: string;
  image: string;
  /** The variable that takes its whole configuration, as YAML. */
  configVariable: string;
  /** Whether its project publishes binaries. */
  hasReleases: boolean;
  notInstalled: Extract<ErrorCode, 'CHARLA_LIVEKIT_NOT_INSTALLED' | 'CHARLA_LIVEKIT_SIP_NOT_INSTALLED'>;
}

export const LIVEKIT_SERVER: LivekitProgram = {
  name: 'livekit-server',
  version: '1.13.3',
  // The first with every API that we call.
  oldestVersion: '1.9.0',
  goPackage: 'github.com/livekit/livekit-server/cmd/server',
  image: 'livekit/livekit-server',
  configVariable: 'LIVEKIT_CONFIG',
  hasReleases: true,
  notInstalled: 'CHARLA_LIVEKIT_NOT_INSTALLED',
};

export const LIVEKIT_SIP: LivekitProgram = {
  name: 'livekit-sip',
  version: '1.8.0',
  goPackage: 'github.com/livekit/sip/cmd/livekit-sip',
  goVariables: '-X github.com/livekit/sip/version.Version=1.8.0',
  image: 'livekit/sip',
  configVariable: 'SIP_CONFIG_BODY',
  hasReleases: false,
  notInstalled: 'CHARLA_LIVEKIT_SIP_NOT_INSTALLED',
};

const TOOL_MODULE = fileURLToPath(new URL('../../../livekit/', import.meta.url));
const PROBE_TIMEOUT_MS = 5000;

/** How a program is started on this machine; its configuration goes in by its `configVariable`. */
export interface LivekitBinary {
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

type Way = (program: LivekitProgram, options: GetLivekitOptions) => Promise<LivekitBinary>;

const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ['on PATH', fromPath],
  ['in the cache', fromCache],
  ['download', fromRelease],
  ['go build', fromSource],
  ['Docker', fromDocker],
];

/**
 * Gets a livekit-server, or livekit-sip, that can be started here: from PATH, from our cache, from the project's
 * releases, built from the pinned Go module in `livekit/`, or as a Docker image, in this order.
 *
 * @throws CharlaError `CHARLA_LIVEKIT_NOT_INSTALLED` or `CHARLA_LIVEKIT_SIP_NOT_INSTALLED`, with what stood in each
 *   one's way
 */
export async function getLivekitBinary(
  program: LivekitProgram,
  options: GetLivekitOptions,
): Promise<LivekitBinary> {
  const attempts: string[] = [];
  for (const [name, way] of WAYS) {
    if (way === fromRelease && !program.hasReleases) continue;
    options.signal?.throwIfAborted();
    try {
      return await way(program, options);
    } catch (error) {
      attempts.push(`  - ${name}: ${reason(error)}`);
    }
  }
  options.signal?.throwIfAborted();
  throw new CharlaError(program.notInstalled, { attempts: attempts.join('\n') });
}

async function fromPath({ name, oldestVersion }: LivekitProgram): Promise<LivekitBinary> {
  const version = await versionOf(name);
  if (oldestVersion !== undefined && semver.lt(version, oldestVersion))
    throw new Error(`version ${version} is older than ${oldestVersion}`);
  return { version, source: 'PATH', command: name, args: [] };
}

async function fromCache(program: LivekitProgram, { home }: GetLivekitOptions): Promise<LivekitBinary> {
  const command = cached(program, home);
  await access(command, constants.X_OK);
  return { version: await versionOf(command), source: 'cache', command, args: [] };
}

async function fromRelease(program: LivekitProgram, options: GetLivekitOptions): Promise<LivekitBinary> {
  const { home, releasesUrl, onStep, signal } = options;
  const text = pullProgressText();
  onStep?.('looking for the release');
  await fetchLivekitRelease({
    version: program.version,
    target: cached(program, home),
    ...(releasesUrl !== undefined && { baseUrl: releasesUrl }),
    ...(signal !== undefined && { signal }),
    onProgress: ({ received, total }) =>
      onStep?.(
        text({
          model: program.name,
          phase: 'download',
          source: 'github.com',
          receivedBytes: received,
          totalBytes: total,
        }),
      ),
  });
  return { ...(await fromCache(program, options)), source: 'downloaded' };
}

async function fromSource(program: LivekitProgram, options: GetLivekitOptions): Promise<LivekitBinary> {
  const { home, onStep, signal } = options;
  await execa('go', ['version'], { timeout: PROBE_TIMEOUT_MS });
  onStep?.('building with Go, about a minute');
  const target = cached(program, home);
  const partial = `${target}.partial-${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    // -s -w: without debugging tables the linker is done sooner, and the file is a third smaller.
    const build = execa(
      'go',
      ['build', '-v', `-ldflags=-s -w ${program.goVariables ?? ''}`, '-o', partial, program.goPackage],
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
  return { ...(await fromCache(program, options)), source: 'built' };
}

async function fromDocker(program: LivekitProgram, options: GetLivekitOptions): Promise<LivekitBinary> {
  const { onStep, signal } = options;
  const image = `${program.image}:v${program.version}`;
  await execa('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: PROBE_TIMEOUT_MS });
  onStep?.(`pulling ${image}`);
  await execa('docker', ['pull', image], { ...(signal !== undefined && { cancelSignal: signal }) });
  const name = `charla-${program.name}-${process.pid}`;
  return {
    version: program.version,
    source: 'Docker',
    command: 'docker',
    args: ['run', '--rm', '--name', name, '--network', 'host', '--env', program.configVariable, image],
    cleanUp: () => execa('docker', ['rm', '--force', name], { reject: false, timeout: PROBE_TIMEOUT_MS }),
  };
}

function cached({ name, version }: LivekitProgram, home: string): string {
  return join(home, 'bin', `${name}-${version}`);
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
