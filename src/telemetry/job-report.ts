import { z } from 'zod';
import { CALL_METRICS, type CallMetric, type MetricDefinition } from './call-metrics.ts';

/** How a job process reaches its worker: `{url, token}` as JSON, set by the worker for the processes that it starts. */
export const WORKER_METRICS_VARIABLE = 'CHARLA_WORKER_METRICS';

/** A process with nothing to tell reports at least this often: that it lives, and how much memory it takes. */
export const HEARTBEAT_MS = 5_000;

export const workerAddressSchema = z.object({ url: z.url(), token: z.string() });

const names = Object.keys(CALL_METRICS) as [CallMetric, ...CallMetric[]];

/** A known metric, with its own labels and values that these may have. */
const observationSchema = z
  .object({
    name: z.enum(names),
    value: z.number().nonnegative(),
    labels: z.record(z.string(), z.string()),
  })
  .refine(({ name, labels }) => {
    const { labels: known }: MetricDefinition = CALL_METRICS[name];
    return (
      Object.keys(labels).length === Object.keys(known).length &&
      Object.entries(labels).every(([label, value]) => known[label]?.includes(value))
    );
  });

/** What a job process tells its worker, again and again. */
export const jobReportSchema = z.object({
  /** The process; another one with each start. */
  process: z.uuid(),
  /** Counts up with each new batch of observations; one that is sent again keeps its number. */
  batch: z.int().nonnegative(),
  observations: z.array(observationSchema),
  residentBytes: z.number().nonnegative(),
  /** The process ends: it is no longer to be counted among the living. */
  last: z.boolean(),
});

export type JobReport = z.output<typeof jobReportSchema>;
