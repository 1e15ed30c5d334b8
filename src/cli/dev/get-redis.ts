import { execa } from 'execa';
import semver from 'semver';
import { CharlaError, messageOf } from '../../errors.ts';

const PROBE_TIMEOUT_MS = 5000;
const IMAGE = 'redis:7-alpine';

/** How a Redis for livekit-server and livekit-sip is started on this machine. */
export interface RedisBinary {
  version: string;
  /** Where it came from, for the table of `charla dev`. */
  source: string;
  command: string;
  /** @param port - on loopback; nothing is kept on disk */
  args: (port: number) => readonly string[];
  /** Ends what the command may have left outside its process group. */
  cleanUp?: () => Promise<unknown>;
}

/**
 * Gets a Redis that can be started here: `redis-server` on PATH, or its Docker image.
 *
 * @throws CharlaError `CHARLA_REDIS_NOT_INSTALLED`, with what stood in each one's way
 */
export async function getRedis({
  onStep,
  signal,
}: {
  onStep?: (step: string) => void;
  signal?: AbortSignal;
} = {}): Promise<RedisBinary> {
  const attempts: string[] = [];
  for (const [name, way] of [
    ['on PATH', fromPath],
    ['Docker', () => fromDocker(onStep, signal)],
  ] as const) {
    signal?.throwIfAborted();
    try {
      return await way();
    } catch (error) {
      const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      attempts.push(`  - ${name}: ${absent ? 'not there' : messageOf(error)}`);
    }
  }
  signal?.throwIfAborted();
  throw new CharlaError('CHARLA_REDIS_NOT_INSTALLED', { attempts: attempts.join('\n') });
}

async function fromPath(): Promise<RedisBinary> {
  const { stdout } = await execa('redis-server', ['--version'], { timeout: PROBE_TIMEOUT_MS });
  const version = semver.coerce(/v=(\S+)/.exec(stdout)?.[1])?.version ?? 'of some version';
  return { version, source: 'PATH', command: 'redis-server', args: redisOptions };
}

async function fromDocker(onStep?: (step: string) => void, signal?: AbortSignal): Promise<RedisBinary> {
  await execa('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: PROBE_TIMEOUT_MS });
  onStep?.(`pulling ${IMAGE}`);
  await execa('docker', ['pull', IMAGE], { ...(signal !== undefined && { cancelSignal: signal }) });
  const name = `charla-redis-${process.pid}`;
  const run = ['run', '--rm', '--name', name, '--network', 'host', IMAGE, 'redis-server'];
  return {
    version: IMAGE,
    source: 'Docker',
    command: 'docker',
    args: (port) => [...run, ...redisOptions(port)],
    cleanUp: () => execa('docker', ['rm', '--force', name], { reject: false, timeout: PROBE_TIMEOUT_MS }),
  };
}

function redisOptions(port: number): string[] {
  return [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    // It greets and warns of kernel settings that matter for data on disk, of which there is none.
    '--logfile',
    '/dev/null',
  ];
}
