import fc from 'fast-check';
import { expect, it } from 'vitest';
import { requestedRange } from '../../src/http/requested-range.ts';

it.each([
  ['bytes=0-0', { start: 0, end: 0 }],
  ['bytes=10-', { start: 10, end: 99 }],
  ['bytes=-10', { start: 90, end: 99 }],
  ['bytes=-1000', { start: 0, end: 99 }],
  ['bytes=90-1000', { start: 90, end: 99 }],
])('%s of 100 bytes is a part', (header, part) => {
  expect(requestedRange(header, 100)).toEqual(part);
});

it.each([
  undefined,
  '',
  'bytes=',
  'bytes=-',
  'bytes=-0',
  'bytes=100-',
  'bytes=5-4',
  'bytes=0-1,5-6',
  'items=0-1',
])('%s of 100 bytes is all of it', (header) => {
  expect(requestedRange(header, 100)).toBeUndefined();
});

it('a part lies within the file, whatever is asked for', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,20}-\d{0,20}$/));
  fc.assert(
    fc.property(text, fc.nat(), (header, bytes) => {
      const part = requestedRange(header, bytes);
      if (part === undefined) return;
      expect(part.start).toBeGreaterThanOrEqual(0);
      expect(part.end).toBeLessThan(bytes);
      expect(part.start).toBeLessThanOrEqual(part.end);
    }),
  );
});
