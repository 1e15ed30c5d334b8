import { expect, it } from 'vitest';
import { createOnce } from '../../src/channels/once.ts';

const LATER = Date.now() + 3_600_000;

it('takes a thing once, until it expires or is given back', () => {
  const once = createOnce();
  expect([once.use('a', LATER), once.use('a', LATER), once.use('b', LATER)]).toEqual([true, false, true]);
  once.giveBack('a');
  expect(once.use('a', LATER)).toBe(true);
  expect(once.use('over', Date.now() - 1)).toBe(true);
});

it('forgets what expired', () => {
  const once = createOnce(2);
  expect([once.use('old', Date.now() - 1), once.use('a', LATER), once.use('b', LATER)]).toEqual([
    true,
    true,
    true,
  ]);
});

it('remembers no more than it may, and takes nothing beyond', () => {
  const once = createOnce(2);
  expect(['a', 'b', 'c'].map((thing) => once.use(thing, LATER))).toEqual([true, true, false]);
});
