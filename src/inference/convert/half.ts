/**
 * Every IEEE 754 half-precision number as float32, indexed by its 16 bits. Weights come as millions of halves; a table
 * turns them at memory speed.
 */
export const HALF_TO_FLOAT: Float32Array = Float32Array.from({ length: 65_536 }, (_, bits) => decode(bits));

const bitsOf = new DataView(new ArrayBuffer(4));

/**
 * The 16 bits of the half-precision number nearest to `value`, ties to even (as ggml's `GGML_FP32_TO_FP16`).
 *
 * @param value - any float; what is too large becomes infinity
 */
export function floatToHalf(value: number): number {
  bitsOf.setFloat32(0, value);
  const bits = bitsOf.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x4780_0000) return sign | 0x7c00;
  if (magnitude < 0x3880_0000) {
    // Below 2^-14 halves are subnormal: multiples of 2^-24.
    return sign | roundTiesToEven(Math.abs(value) * 2 ** 24);
  }
  const kept = (magnitude - 0x3800_0000) >>> 13;
  const rest = magnitude & 0x1fff;
  const up = rest > 0x1000 || (rest === 0x1000 && (kept & 1) === 1);
  return sign | (kept + (up ? 1 : 0));
}

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function roundTiesToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
