import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Brake } from '../../src/inference/engines/brake.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

async function waits(brake: Brake): Promise<boolean> {
  let waiting = true;
  void brake.goAhead().then(() => {
    waiting = false;
  });
  await vi.advanceTimersByTimeAsync(0);
  return waiting;
}

it('lets work go on until it is held, and when it is released', async () => {
  const brake = new Brake();
  expect(await waits(brake)).toBe(false);
  brake.hold(true);
  brake.hold(true);
  expect(await waits(brake)).toBe(true);
  brake.hold(false);
  expect(await waits(brake)).toBe(false);
});

it('goes on by itself when nobody releases it, and is then held no more', async () => {
  const brake = new Brake();
  brake.hold(true);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await waits(brake)).toBe(false);
  brake.hold(true);
  expect(await waits(brake)).toBe(false);
});

it('counts all the time that it was held', async () => {
  const brake = new Brake();
  for (let count = 0; count < 3; count += 1) {
    brake.hold(true);
    await vi.advanceTimersByTimeAsync(600);
    brake.hold(false);
  }
  brake.hold(true);
  await vi.advanceTimersByTimeAsync(199);
  expect(await waits(brake)).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(await waits(brake)).toBe(false);
});
