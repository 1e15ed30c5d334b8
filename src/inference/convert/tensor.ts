/** A constant as ONNX keeps it, row-major. */
export interface QuantisedTensor {
  dims: number[];
  values: Int8Array | Uint8Array | Float32Array;
}

export interface FloatTensor {
  dims: number[];
  values: Float32Array;
}

/**
 * `(value − zero point) · scale`, as ONNX's DequantizeLinear.
 *
 * @param scale - one number, or one for each index of `axis` (or of `axis` and the last one, for quantised LSTMs)
 * @param zeroPoint - shaped as `scale`; absent means 0
 * @throws RangeError when the number of scales fits neither
 */
export function dequantise(
  weight: QuantisedTensor,
  scale: QuantisedTensor,
  zeroPoint: QuantisedTensor | undefined,
  axis: number,
): FloatTensor {
  const { dims, values } = weight;
  const along = dims[axis] ?? 1;
  const inner = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const last = dims.at(-1) ?? 1;
  const scales = scale.values;
  const indexOf = ((): ((i: number) => number) => {
    if (scales.length === 1) return () => 0;
    if (scales.length === along) return (i) => Math.floor(i / inner) % along;
    if (scales.length === along * last) return (i) => (Math.floor(i / inner) % along) * last + (i % last);
    throw new RangeError(`${scales.length} scales do not fit a tensor of ${dims.join('×')}`);
  })();
  const zeros = zeroPoint?.values;
  const zeroStep = zeros !== undefined && zeros.length > 1 ? 1 : 0;
  const floats = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const at = indexOf(i);
    floats[i] = ((values[i] ?? 0) - (zeros?.[at * zeroStep] ?? 0)) * (scales[at] ?? 0);
  }
  return { dims, values: floats };
}

/** Transposes the last two axes. */
export function swapLastAxes({ dims, values }: FloatTensor): FloatTensor {
  const [rows = 1, columns = 1] = dims.slice(-2);
  const swapped = new Float32Array(values.length);
  for (let base = 0; base < values.length; base += rows * columns) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        swapped[base + column * rows + row] = values[base + row * columns + column] ?? 0;
      }
    }
  }
  return { dims: [...dims.slice(0, -2), columns, rows], values: swapped };
}
