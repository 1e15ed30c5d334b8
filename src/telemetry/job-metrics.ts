import { randomUUID } from 'node:crypto';
import type { Observation, RecordMetric } from './call-metrics.ts';
import { HEARTBEAT_MS, type JobReport, WORKER_METRICS_VARIABLE, workerAddressSchema } from './job-report.ts';

/** Observations are sent together, this long after the first of them. */
const BATCH_MS = 250;
/** The worker is on this machine: one that takes longer hangs. */
const SEND_TIMEOUT_MS = 2_000;
/** Kept while the worker does not answer; more than a call makes in an hour. */
const MOST_WAITING = 10_000;

/** How a job process tells its worker what happens in its call. */
export interface JobMetrics {
  record: RecordMetric;
  /** Sends what waits, for the last time. */
  close: () => Promise<void>;
}

/**
 * Sends what a job process observes to its worker over loopback, in batches, so that it outlives the process; and with
 * it the process's memory and processor time. A batch that was not taken is sent again, and the worker counts it once.
 *
 * @param worker - the value of {@link WORKER_METRICS_VARIABLE}; without one (a worker that could not open its port)
 *   nothing is kept
 */
export function reportToWorker(worker = process.env[WORKER_METRICS_VARIABLE]): JobMetrics {
  if (worker === undefined) return { record: () => undefined, close: async () => undefined };
  const { url, token } = workerAddressSchema.parse(JSON.parse(worker));
  const id = randomUUID();
  let waiting: Observation[] = [];
  let batch = { number: 0, observations: [] as Observation[] };
  let cpuSeconds = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;

  const nextBatch = () => {
    const { user, system } = process.cpuUsage();
    const spent = (user + system) / 1e6;
    const cpu = { name: 'job_process_cpu_seconds_total' as const, value: spent - cpuSeconds, labels: {} };
    cpuSeconds = spent;
    batch = { number: batch.number + 1, observations: [...waiting, cpu] };
    waiting = [];
  };

  const send = async (last: boolean) => {
    // One that failed goes again as it was: the worker may have taken it, and been slow to say so.
    if (batch.observations.length === 0) nextBatch();
    const report: JobReport = {
      process: id,
      batch: batch.number,
      observations: batch.observations,
      residentBytes: process.memoryUsage.rss(),
      last,
    };
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(report),
      signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    batch.observations = [];
  };

  const soon = () => {
    timer ??= setTimeout(flush, BATCH_MS).unref();
  };
  function flush(): void {
    timer = undefined;
    sending ??= send(false)
      // A worker that does not answer is no news for the log of each of its calls.
      .catch(() => undefined)
      .finally(() => {
        sending = undefined;
        if (waiting.length > 0) soon();
      });
  }

  const heartbeat = setInterval(flush, HEARTBEAT_MS).unref();
  flush();
  return {
    record: (name, value, labels) => {
      if (waiting.length >= MOST_WAITING) return;
      waiting.push({ name, value, labels });
      soon();
    },
    close: async () => {
      clearInterval(heartbeat);
      clearTimeout(timer);
      await sending;
      const failedBefore = batch.observations.length > 0;
      if (failedBefore) await send(false).catch(() => undefined);
      await send(true).catch(() => undefined);
    },
  };
}
