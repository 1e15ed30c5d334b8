import { readdir, readFile, readlink } from 'node:fs/promises';
import { execa } from 'execa';
import { expect, vi } from 'vitest';

/** What a stack has, to be counted before and after calls. */
export interface Census {
  processes: number;
  /** TCP of our own programs, UDP of all. LiveKit's keep as many connections to Redis as they ever needed at once. */
  sockets: number;
  /** Below its folder of temporary files. */
  files: number;
}

/** @param pid - of the process that started all others @param folder - its TMPDIR */
export async function census(pid: number, folder: string): Promise<Census> {
  const processes = [{ pid, command: 'node' }, ...(await descendants(pid))];
  const sockets = await Promise.all(
    processes.map((one) => openSockets(one.pid, one.command === 'node' ? ['udp', 'tcp'] : ['udp'])),
  );
  const files = await readdir(folder, { recursive: true });
  return {
    processes: processes.length,
    sockets: sockets.reduce((sum, count) => sum + count, 0),
    // tsx keeps there what it has compiled.
    files: files.filter((name) => !name.startsWith('tsx-')).length,
  };
}

/** Waits until there is no more of anything than there was: connections are kept for a while, and processes wait for jobs. */
export async function expectNothingLeft(before: Census, pid: number, folder: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const after = await census(pid, folder);
      for (const what of ['processes', 'sockets', 'files'] as const) {
        expect(after[what], what).toBeLessThanOrEqual(before[what]);
      }
    },
    { timeout: 60_000, interval: 1_000 },
  );
}

/** Everything that a process started, and what that started. */
export async function descendants(pid: number): Promise<{ pid: number; command: string }[]> {
  const { stdout } = await execa('ps', ['-e', '-o', 'pid=,ppid=,comm=']);
  const all = stdout.split('\n').map((line) => line.trim().split(/\s+/, 3));
  const below = (parent: string): string[][] =>
    all
      .filter(([, ppid, command]) => ppid === parent && command !== 'ps')
      .flatMap((one) => [one, ...below(one[0] ?? '')]);
  return below(String(pid)).map(([child, , command]) => ({ pid: Number(child), command: command ?? '' }));
}

async function openSockets(pid: number, protocols: readonly ('tcp' | 'udp')[]): Promise<number> {
  // A process may end while it is looked at.
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  const tables = await Promise.all(
    protocols
      .flatMap((name) => [name, `${name}6`])
      .map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  );
  const inodes = new Set(
    tables.flatMap((table) => table.split('\n').map((row) => row.trim().split(/\s+/)[9])),
  );
  return links.filter((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? '-')).length;
}
