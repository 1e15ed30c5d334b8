import { expect, it } from 'vitest';
import { commaList } from '../../src/config/comma-list.ts';

it('takes entries apart, without the space around them and without empty ones', () => {
  expect(commaList(' whisper-base, kokoro,,')).toEqual(['whisper-base', 'kokoro']);
  expect(commaList('')).toEqual([]);
});
