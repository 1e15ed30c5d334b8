import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HALF_TO_FLOAT } from '../../../src/inference/convert/half.ts';
import { packQ8_0, unpackQ8_0 } from '../../../src/inference/convert/q8-0.ts';

test('a block is its scale as a half, little-endian, then 32 signed levels', () => {
  const weights = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? -127 : i));
  const bytes = packQ8_0(weights);
  expect(bytes).toHaveLength(34);
  expect(HALF_TO_FLOAT[(bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)]).toBe(1);
  expect([...new Int8Array(bytes.buffer, 2)]).toEqual([...weights]);
});

test('a tie is rounded away from zero on both sides, as C does', () => {
  const weights = new Float32Array(32);
  weights.set([127, 2.5, -2.5]);
  expect([...new Int8Array(packQ8_0(weights).buffer, 2, 3)]).toEqual([127, 3, -3]);
});

test('a block of zeros is zeros', () => {
  expect(packQ8_0(new Float32Array(64))).toEqual(new Uint8Array(68));
});

test('no weight moves by more than a level', () => {
  const weights = fc.float32Array({ minLength: 64, maxLength: 64, noNaN: true, min: -4, max: 4 });
  fc.assert(
    fc.property(weights, (given) => {
      const back = unpackQ8_0(packQ8_0(given));
      for (let block = 0; block < 2; block++) {
        const part = given.subarray(block * 32, (block + 1) * 32);
        const level = Math.max(...part.map(Math.abs)) / 127;
        part.forEach((weight, i) => {
          expect(Math.abs(weight - (back[block * 32 + i] ?? 0))).toBeLessThanOrEqual(level * 0.6 + 2 ** -17);
        });
      }
    }),
  );
});

test('weights that do not fill their last block are refused', () => {
  expect(() => packQ8_0(new Float32Array(33))).toThrow(RangeError);
});
