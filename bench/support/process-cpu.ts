import { readFile } from 'node:fs/promises';
import { processTree } from './process-memory.ts';

/** Linux counts in hundredths of a second towards programs on every architecture (`USER_HZ`, proc(5)). */
const TICKS_PER_SECOND = 100;

/**
 * Processor time that a process and everything that it started have used so far, those that have ended included.
 *
 * @returns seconds; undefined where there is no `/proc`
 */
export async function cpuSeconds(root: number): Promise<number | undefined> {
  const each = await Promise.all((await processTree(root)).map(({ pid }) => ticks(pid)));
  const known = each.filter((one) => one !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}

/** User and system time, own and of children that were waited for. */
async function ticks(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in brackets may have spaces; counting starts behind it, with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const times = fields.slice(11, 15).map(Number);
  return times.length === 4 ? times.reduce((sum, one) => sum + one, 0) : undefined;
}
