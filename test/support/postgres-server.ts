import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import pg from 'pg';
import { freePort } from './livekit-server.ts';

/** A real PostgreSQL on a loopback port, its files in a temporary folder. */
export interface TestPostgres {
  /** Of the superuser and the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** For files that it is to read. */
  readonly folder: string;
  /** Ends it as a crash would; {@link TestPostgres.start} brings it back on the same port. */
  stop(): Promise<void>;
  /** @param settings - `name=value` of postgresql.conf */
  start(settings?: readonly string[]): Promise<void>;
  /** It still accepts connections, and answers nothing. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and deletes its files. */
  remove(): Promise<void>;
}

const OLDEST = 15;
/** What a test may lose: its files are gone with it. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'];

/** Makes and starts a PostgreSQL, 15 or newer. Remove it in `afterAll`. */
export async function startPostgres(): Promise<TestPostgres> {
  const bin = await findPostgres();
  const user = await unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'charla-postgres-'));
  const data = join(folder, 'data');
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await execa(join(bin, 'initdb'), initdb, { cwd: folder, ...user });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let child: ChildProcess | undefined;

  const server: TestPostgres = {
    url,
    port,
    folder,
    async start(settings = []) {
      const all = [
        ...SETTINGS,
        `port=${port}`,
        'listen_addresses=127.0.0.1',
        'unix_socket_directories=',
        ...settings,
      ];
      const args = ['-D', data, ...all.flatMap((setting) => ['-c', setting])];
      const started = spawn(join(bin, 'postgres'), args, { cwd: folder, stdio: 'ignore', ...user });
      child = started;
      while (!(await answers(url))) {
        if (started.exitCode !== null) throw new Error(`postgres ended with ${started.exitCode}`);
        await sleep(50);
      }
    },
    async stop() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      // At once, with its children: those of a process that was killed would hold its memory for a while.
      child.kill('SIGQUIT');
      await exited;
    },
    suspend: () => signalAll(child, 'SIGSTOP'),
    resume: () => signalAll(child, 'SIGCONT'),
    async remove() {
      await server.resume();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Folder of the programs: Debian's, the newest one, else where PATH finds `postgres`. */
async function findPostgres(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = (await readdir(root).catch(() => [])).map(Number).filter((version) => version >= OLDEST);
  if (versions.includes(OLDEST)) return join(root, String(OLDEST), 'bin');
  if (versions.length > 0) return join(root, String(Math.max(...versions)), 'bin');
  const { stdout } = await execa('pg_config', ['--bindir']);
  return stdout;
}

/** PostgreSQL refuses to run as root. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].flatMap((name) => lines.filter(([login]) => login === name))[0];
  if (found === undefined) throw new Error('there is neither a user «postgres» nor «nobody»');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/** The server and its children, one for each connection. */
async function signalAll(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child?.pid === undefined || child.exitCode !== null) return;
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  for (const pid of [child.pid, ...children.trim().split(' ').map(Number)]) {
    try {
      process.kill(pid, signal);
    } catch {
      // A connection's process that has just ended.
    }
  }
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
