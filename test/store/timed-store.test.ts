import { sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { profiles } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { timedStore } from '../../src/store/timed-store.ts';
import { openTestStore } from '../support/store.ts';

const registry = new Registry();
const profile = { name: 'p', settings: {}, revision: 1, updatedAt: new Date(0) };
let store: Store;
let timed: Store;

beforeAll(async () => {
  store = await openTestStore();
  timed = timedStore(store, registry);
});
afterAll(() => store.close());

describe('the metrics of a store', () => {
  it('time each operation, and count those that the database failed', async () => {
    await timed.query((db) => db.insert(profiles).values(profile));
    await expect(timed.query((db) => db.execute(sql`select * from nowhere`))).rejects.toThrow();
    const metrics = await registry.metrics();
    expect(metrics).toContain('store_operation_duration_seconds_count 2');
    expect(metrics).toContain('store_errors_total{code="CHARLA_STORE_FAILED"} 1');
    expect(metrics).toContain('store_errors_total{code="CHARLA_STORE_UNAVAILABLE"} 0');
  });

  it('do not count what the operation itself refuses', async () => {
    await expect(timed.query(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(await registry.metrics()).toContain('store_errors_total{code="CHARLA_STORE_FAILED"} 1');
  });
});
