import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { CALL_METRICS, type MetricDefinition, type Observation } from './call-metrics.ts';

/**
 * A registry with what Prometheus expects of any process: processor time, memory, event loop lag, garbage collection
 * (`process_…`, `nodejs_…`).
 */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Registers all of {@link CALL_METRICS}. @returns takes observations into them */
export function registerCallMetrics(registry: Registry): (observation: Observation) => void {
  const take = new Map(
    Object.entries(CALL_METRICS).map(([name, definition]) => [name, register(registry, name, definition)]),
  );
  return ({ name, value, labels }) => take.get(name)?.(labels, value);
}

function register(
  registry: Registry,
  name: string,
  { type, help, labels, buckets = [] }: MetricDefinition,
): (labels: Record<string, string>, value: number) => void {
  const options = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (type === 'counter') {
    const counter = new Counter(options);
    // A counter that appears with its first event has no growth to show for it.
    for (const values of combinations(labels)) counter.inc(values, 0);
    return (values, by) => counter.inc(values, by);
  }
  const histogram = new Histogram({ ...options, buckets: [...buckets] });
  return (values, value) => histogram.observe(values, value);
}

/** Each value of each label with each of the others. */
function combinations(labels: MetricDefinition['labels']): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (all, [label, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}
