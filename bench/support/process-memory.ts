import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** A running process and what it takes. */
export interface ProcessMemory {
  pid: number;
  /** Its command line. */
  command: string;
  /** Resident memory, MB; pages that processes share count in each of them. */
  rssMb: number;
  /** Proportional share, MB: shared pages are divided among those who have them. Where Linux is not, the same as RSS. */
  pssMb: number;
}

const KIB_PER_MB = 1000 / 1.024;

/** A process and everything that it started, itself first. Empty when it is gone. */
export async function processTree(root: number): Promise<ProcessMemory[]> {
  const { stdout } = await execa('ps', ['-A', '-ww', '-o', 'pid=,ppid=,rss=,args=']);
  const all = stdout.split('\n').flatMap((line) => {
    const [, pid, parent, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (command === undefined) return [];
    return { pid: Number(pid), parent: Number(parent), rssMb: Number(rss) / KIB_PER_MB, command };
  });
  const tree = all.filter(({ pid }) => pid === root);
  // Grows while it is walked, so grandchildren are found too.
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return Promise.all(
    tree.map(async ({ pid, command, rssMb }) => ({
      pid,
      command,
      rssMb,
      pssMb: (await proportionalShare(pid)) ?? rssMb,
    })),
  );
}

/** Sum of the proportional shares, MB. */
export function totalMb(processes: readonly ProcessMemory[]): number {
  return processes.reduce((sum, { pssMb }) => sum + pssMb, 0);
}

async function proportionalShare(pid: number): Promise<number | undefined> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const kib = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  return kib === undefined ? undefined : Number(kib) / KIB_PER_MB;
}
