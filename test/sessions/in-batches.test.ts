import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inBatches } from '../../src/sessions/in-batches.ts';

it('gathers what comes at the same time, and what comes while a batch runs', async () => {
  const batches: number[][] = [];
  const double = inBatches<number, number>(async (items) => {
    batches.push([...items]);
    await sleep(5);
    return items.map((item) => item * 2);
  }, 3);
  const first = [1, 2].map(double);
  await sleep(1);
  const rest = [3, 4, 5, 6].map(double);
  expect(await Promise.all([...first, ...rest])).toEqual([2, 4, 6, 8, 10, 12]);
  expect(batches).toEqual([[1, 2], [3, 4, 5], [6]]);
});

it('fails what was in a batch that failed, and goes on', async () => {
  const run = inBatches<string, string>(async (items) => {
    if (items.includes('bad')) throw new Error('no');
    return items;
  }, 10);
  const failed = await Promise.allSettled(['bad', 'good'].map(run));
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await run('good')).toBe('good');
});
