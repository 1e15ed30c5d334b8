import { floatToHalf, HALF_TO_FLOAT } from './half.ts';

const BLOCK = 32;
const BLOCK_BYTES = 2 + BLOCK;

/**
 * Packs weights as ggml's `q8_0`: blocks of 32 along the row, each a half-precision scale (largest magnitude / 127) and 32
 * signed bytes; 34 bytes a block. As `quantize_row_q8_0_ref` in ggml-quants.c.
 *
 * @param weights - row-major; the row length must be a multiple of 32
 * @throws RangeError when the number of weights is not a multiple of 32
 */
export function packQ8_0(weights: Float32Array): Uint8Array {
  if (weights.length % BLOCK !== 0)
    throw new RangeError(`${weights.length} weights do not fill blocks of 32`);
  const bytes = new Uint8Array((weights.length / BLOCK) * BLOCK_BYTES);
  for (let start = 0, at = 0; start < weights.length; start += BLOCK, at += BLOCK_BYTES) {
    let largest = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const magnitude = Math.abs(weights[i] ?? 0);
      if (magnitude > largest) largest = magnitude;
    }
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const half = floatToHalf(scale);
    bytes[at] = half & 0xff;
    bytes[at + 1] = half >> 8;
    for (let i = 0; i < BLOCK; i++) {
      const level = Math.fround((weights[start + i] ?? 0) * inverse);
      // C's roundf goes away from zero on ties, Math.round goes up.
      bytes[at + 2 + i] = level < 0 ? -Math.round(-level) : Math.round(level);
    }
  }
  return bytes;
}

/** The weights that a `q8_0` tensor stands for; the other way of {@link packQ8_0}. */
export function unpackQ8_0(bytes: Uint8Array): Float32Array {
  const levels = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const weights = new Float32Array((bytes.length / BLOCK_BYTES) * BLOCK);
  for (let at = 0, start = 0; at < bytes.length; at += BLOCK_BYTES, start += BLOCK) {
    const scale = HALF_TO_FLOAT[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] ?? 0;
    for (let i = 0; i < BLOCK; i++) weights[start + i] = (levels[at + 2 + i] ?? 0) * scale;
  }
  return weights;
}
