import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floatToHalf, HALF_TO_FLOAT } from '../../../src/inference/convert/half.ts';

test('every half-precision number comes back from float32 as the same bits', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = HALF_TO_FLOAT[bits] ?? 0;
    if (!Number.isNaN(value)) expect(floatToHalf(value)).toBe(bits);
  }
});

test('any float becomes the nearest half, with its sign', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: 0, max: 65_000 }), (value) => {
      const bits = floatToHalf(value);
      const error = (other: number) => Math.abs((HALF_TO_FLOAT[other] ?? 0) - value);
      expect(error(bits)).toBeLessThanOrEqual(Math.min(error(bits + 1), error(Math.max(bits - 1, 0))));
      expect(floatToHalf(-value)).toBe(bits | 0x8000);
    }),
  );
});

test.each([
  ['a tie goes to the even neighbour below', 1 + 2 ** -11, 0x3c00],
  ['a tie goes to the even neighbour above', 1 + 3 * 2 ** -11, 0x3c02],
  ['what is too large is infinite', 70_000, 0x7c00],
  ['what is too small is zero', 2 ** -26, 0],
  ['the sign of zero stays', -0, 0x8000],
])('%s', (_, value, bits) => {
  expect(floatToHalf(value)).toBe(bits);
});
