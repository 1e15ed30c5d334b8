/** A tensor of a CTranslate2 model: row-major, `data` a view on the file's bytes. */
export interface Ctranslate2Tensor {
  shape: number[];
  /** CTranslate2's `DataType`: 0 float32, 1 int8, 2 int16, 3 int32, 4 float16. */
  type: number;
  data: Uint8Array;
}

/**
 * Reads CTranslate2's `model.bin`, binary version 6: the specification's name, then each variable as name, rank, shape,
 * type and bytes, then aliases (which share another variable's data).
 * The format is written by `ctranslate2/specs/model_spec.py`, `Model._serialize`.
 *
 * @throws RangeError when the file ends early; Error when it is another version
 */
export function readCtranslate2Model(file: Uint8Array): {
  specification: string;
  tensors: Map<string, Ctranslate2Tensor>;
} {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let next = 0;
  const take = (length: number) => {
    const at = next;
    next += length;
    if (next > file.length) throw new RangeError('the CTranslate2 model ends early');
    return at;
  };
  const u8 = () => view.getUint8(take(1));
  const u16 = () => view.getUint16(take(2), true);
  const u32 = () => view.getUint32(take(4), true);
  const bytes = (length: number) => {
    const at = take(length);
    return file.subarray(at, at + length);
  };
  // Strings carry C's closing zero.
  const string = () => Buffer.from(bytes(u16()).subarray(0, -1)).toString('utf8');

  const version = u32();
  if (version !== 6) throw new Error(`CTranslate2 model version ${version} is not 6`);
  const specification = string();
  u32(); // revision of the specification
  const tensors = new Map<string, Ctranslate2Tensor>();
  for (let left = u32(); left > 0; left--) {
    const name = string();
    const shape = Array.from({ length: u8() }, u32);
    const type = u8();
    tensors.set(name, { shape, type, data: bytes(u32()) });
  }
  for (let left = u32(); left > 0; left--) {
    const alias = string();
    const tensor = tensors.get(string());
    if (tensor !== undefined) tensors.set(alias, tensor);
  }
  return { specification, tensors };
}
