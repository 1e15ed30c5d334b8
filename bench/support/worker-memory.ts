import { type ProcessMemory, processTree } from './process-memory.ts';

/** The processes of a LiveKit Agents worker by what they do. */
export interface WorkerMemory {
  parent: ProcessMemory[];
  /** Runs the turn detector's model for all jobs. */
  turnDetector: ProcessMemory[];
  jobsInCall: ProcessMemory[];
  /** Loaded and waiting for a call. */
  idleJobs: ProcessMemory[];
}

/**
 * @param pid - the worker
 * @param calls - how many calls it has: that many of its job processes, the largest, are taken to be theirs
 */
export async function workerMemory(pid: number, calls: number): Promise<WorkerMemory> {
  const tree = await processTree(pid);
  const turnDetector = tree.filter(({ command }) => command.includes('inference_proc'));
  const jobs = tree
    .filter(({ command }) => command.includes('job_proc'))
    .toSorted((one, other) => other.pssMb - one.pssMb);
  return {
    parent: tree.filter((one) => !turnDetector.includes(one) && !jobs.includes(one)),
    turnDetector,
    jobsInCall: jobs.slice(0, calls),
    idleJobs: jobs.slice(calls),
  };
}
