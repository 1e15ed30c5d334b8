import type { Rows } from './bench-result.ts';
import { BASELINE } from './compare.ts';
import { type ProcessMemory, processTree, totalMb } from './process-memory.ts';
import type { BenchStack } from './stack.ts';
import { workerMemory } from './worker-memory.ts';

/** What one kind of process took. */
export interface MemoryLine {
  process: string;
  /** Empty for what all pipelines share. */
  pipeline: string;
  processes: number;
  /** Of all of them together, MB. */
  rssMb: number;
  pssMb: number;
}

/**
 * Memory of the engines and of every worker's processes, now.
 *
 * @param names - the contestants
 * @param calls - how many calls each of their workers has
 */
export async function sampleMemory(
  stack: BenchStack,
  names: readonly string[],
  calls: number,
): Promise<MemoryLine[]> {
  const lines: MemoryLine[] = [];
  const inference = stack.pid('inference');
  if (inference !== undefined) lines.push(line('inference', '', await processTree(inference)));
  for (const name of names) {
    const pid = stack.pid(name);
    if (pid === undefined) continue;
    const { parent, turnDetector, jobsInCall, idleJobs } = await workerMemory(pid, calls);
    lines.push(
      line('job in a call', name, jobsInCall),
      line('worker: parent', name, parent),
      line('worker: turn detector', name, turnDetector),
      line('worker: idle jobs', name, idleJobs),
      line('worker: all', name, [...parent, ...turnDetector, ...jobsInCall, ...idleJobs]),
    );
  }
  return lines;
}

/** The largest sample of each line, and its ratio to the stock pipeline's. */
export function memoryTable(samples: ReadonlyArray<readonly MemoryLine[]>): {
  rows: Rows;
  json: MemoryLine[];
} {
  const largest = new Map<string, MemoryLine>();
  for (const one of samples.flat()) {
    const key = `${one.process} ${one.pipeline}`;
    if (one.pssMb >= (largest.get(key)?.pssMb ?? 0)) largest.set(key, one);
  }
  const rows = [...largest.values()].map((one) => {
    const stock = largest.get(`${one.process} ${BASELINE}`);
    const comparable = stock !== undefined && stock !== one && stock.pssMb > 0;
    return {
      process: one.process,
      pipeline: one.pipeline,
      processes: one.processes,
      'RSS MB': one.rssMb,
      'PSS MB': one.pssMb,
      'PSS / stock': comparable ? Number((one.pssMb / stock.pssMb).toFixed(2)) : '',
    };
  });
  return { rows, json: [...largest.values()] };
}

function line(process: string, pipeline: string, processes: readonly ProcessMemory[]): MemoryLine {
  const rssMb = Math.round(processes.reduce((sum, one) => sum + one.rssMb, 0));
  return { process, pipeline, processes: processes.length, rssMb, pssMb: Math.round(totalMb(processes)) };
}
