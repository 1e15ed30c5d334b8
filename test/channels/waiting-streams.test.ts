import { expect, it } from 'vitest';
import { createWaitingStreams } from '../../src/channels/waiting-streams.ts';

it('so many streams of one address wait at once, whatever those of others do', () => {
  const waiting = createWaitingStreams(2);
  const first = waiting.enter('203.0.113.1');
  expect(first).toBeDefined();
  expect(waiting.enter('203.0.113.1')).toBeDefined();
  expect(waiting.enter('203.0.113.1')).toBeUndefined();
  expect(waiting.enter('203.0.113.2')).toBeDefined();
  first?.();
  first?.();
  expect(waiting.enter('203.0.113.1')).toBeDefined();
  expect(waiting.enter('203.0.113.1')).toBeUndefined();
});

it('nothing is counted where no address is known', () => {
  const waiting = createWaitingStreams(0);
  expect(waiting.enter(undefined)).toBeDefined();
  expect(waiting.enter('203.0.113.1')).toBeUndefined();
});
