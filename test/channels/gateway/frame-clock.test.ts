import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FrameClock } from '../../../src/channels/gateway/frame-clock.ts';

let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function run(ms: number): void {
  for (const until = nowMs + ms; nowMs < until; ) {
    nowMs += 1;
    vi.advanceTimersByTime(1);
  }
}

it('calls each listener each 20 ms, without drift', () => {
  const clock = new FrameClock();
  let [first, second] = [0, 0];
  const stops = [clock.listen(() => (first += 1)), clock.listen(() => (second += 1))];
  run(60_000);
  expect([first, second]).toEqual([3_000, 3_000]);
  for (const stop of stops) stop();
});

it('makes up for the frames of a moment in which the process was busy, and of a long one for 100 ms', () => {
  const late: number[] = [];
  const clock = new FrameClock((ms) => late.push(ms));
  let frames = 0;
  const stop = clock.listen(() => {
    frames += 1;
  });
  run(200);
  expect(frames).toBe(10);
  // Time passes, and no timer comes.
  nowMs += 70;
  run(30);
  expect(frames).toBe(15);
  expect(Math.max(...late)).toBe(70);
  nowMs += 2_000;
  run(20);
  expect(frames).toBe(20);
  run(200);
  expect(frames).toBe(30);
  stop();
});

it('stops its timer with the last listener', () => {
  const clock = new FrameClock();
  const stop = clock.listen(() => undefined);
  expect(vi.getTimerCount()).toBe(1);
  stop();
  expect(vi.getTimerCount()).toBe(0);
});

it('a call that ends in the middle of a frame ends no other one', () => {
  const clock = new FrameClock();
  let frames = 0;
  const stopFirst = clock.listen(() => stopFirst());
  const stop = clock.listen(() => (frames += 1));
  run(200);
  expect(frames).toBe(10);
  stop();
});
