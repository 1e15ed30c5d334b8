import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { every } from '../src/every.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const errors: unknown[] = [];
const onError = (error: unknown) => void errors.push(error);

it('runs after each interval, and at once where that is wanted', async () => {
  const later = vi.fn(async () => undefined);
  const now = vi.fn(async () => undefined);
  const stops = [every(100, later, { onError }), every(100, now, { onError, atOnce: true })];
  expect([later.mock.calls.length, now.mock.calls.length]).toEqual([0, 1]);
  await vi.advanceTimersByTimeAsync(250);
  expect([later.mock.calls.length, now.mock.calls.length]).toEqual([2, 3]);
  await Promise.all(stops.map((stop) => stop()));
  await vi.advanceTimersByTimeAsync(500);
  expect([later.mock.calls.length, now.mock.calls.length]).toEqual([2, 3]);
});

it('has one run at a time, and its end waits for that', async () => {
  let finish = () => {};
  const run = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  const stop = every(100, run, { onError });
  await vi.advanceTimersByTimeAsync(350);
  expect(run).toHaveBeenCalledTimes(1);
  finish();
  await vi.advanceTimersByTimeAsync(100);
  expect(run).toHaveBeenCalledTimes(2);
  let stopped = false;
  const stopping = stop().then(() => {
    stopped = true;
  });
  await vi.advanceTimersByTimeAsync(100);
  expect(stopped).toBe(false);
  finish();
  await stopping;
});

it('goes on after an error, and tells of it', async () => {
  const run = vi.fn(() => {
    throw new Error('away');
  });
  const stop = every(100, run, { onError, atOnce: true });
  await vi.advanceTimersByTimeAsync(200);
  expect(run).toHaveBeenCalledTimes(3);
  expect(errors).toHaveLength(3);
  await stop();
});
