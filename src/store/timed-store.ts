import { Counter, Histogram, type Registry } from 'prom-client';
import { CharlaError, type ErrorCode } from '../errors.ts';
import type { Store } from './store.ts';

/** From a row that is in memory to the time limit of an operation, s. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const CODES = [
  'CHARLA_STORE_UNAVAILABLE',
  'CHARLA_STORE_FULL',
  'CHARLA_STORE_LOCKED',
  'CHARLA_STORE_FAILED',
] as const satisfies ErrorCode[];

/** The same store; what its operations take, and how they fail, goes to Prometheus. */
export function timedStore(store: Store, registry: Registry): Store {
  const duration = new Histogram({
    name: 'store_operation_duration_seconds',
    help: 'Time of one operation on the database: a query, or all of a transaction.',
    buckets: BUCKETS,
    registers: [registry],
  });
  const errors = new Counter({
    name: 'store_errors_total',
    help: 'Operations that the database failed.',
    labelNames: ['code'],
    registers: [registry],
  });
  // A counter that appears with its first event has no growth to show for it.
  for (const code of CODES) errors.inc({ code }, 0);
  return {
    ...store,
    async query(operation) {
      const end = duration.startTimer();
      try {
        return await store.query(operation);
      } catch (error) {
        const failed = error instanceof CharlaError ? error.code : undefined;
        const code = CODES.find((one) => one === failed);
        if (code !== undefined) errors.inc({ code });
        throw error;
      } finally {
        end();
      }
    },
  };
}
