import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { floatToHalf } from '../../../src/inference/convert/half.ts';
import { unpackQ8_0 } from '../../../src/inference/convert/q8-0.ts';
import { tokenBytes, whisperToGgml } from '../../../src/inference/convert/whisper-to-ggml.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'charla-convert-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A Whisper of one layer and one head, with every weight of a tensor the same. */
const STATE = 64;
const SHAPES: Record<string, number[]> = {
  'encoder/position_encodings/encodings': [10, STATE],
  'encoder/conv1/weight': [STATE, 4, 3],
  'encoder/conv1/bias': [STATE],
  'encoder/conv2/weight': [STATE, STATE, 3],
  'encoder/conv2/bias': [STATE],
  'decoder/position_encodings/encodings': [8, STATE],
  'decoder/embeddings/weight': [6, STATE],
  ...norm('encoder/layer_norm'),
  ...norm('decoder/layer_norm'),
  ...attention('encoder/layer_0/self_attention', [3, 1]),
  ...attention('decoder/layer_0/self_attention', [3, 1]),
  ...attention('decoder/layer_0/attention', [1, 2, 1]),
  ...feedForward('encoder/layer_0/ffn'),
  ...feedForward('decoder/layer_0/ffn'),
};

function norm(name: string) {
  return { [`${name}/gamma`]: [STATE], [`${name}/beta`]: [STATE] };
}

function attention(name: string, stacked: number[]) {
  const linears = stacked.map((count, i) => ({
    [`${name}/linear_${i}/weight`]: [count * STATE, STATE],
    [`${name}/linear_${i}/bias`]: [count * STATE],
  }));
  return Object.assign(norm(`${name}/layer_norm`), ...linears) as Record<string, number[]>;
}

function feedForward(name: string) {
  return {
    ...norm(`${name}/layer_norm`),
    [`${name}/linear_0/weight`]: [2 * STATE, STATE],
    [`${name}/linear_0/bias`]: [2 * STATE],
    [`${name}/linear_1/weight`]: [STATE, 2 * STATE],
    [`${name}/linear_1/bias`]: [STATE],
  };
}

/** Value of a tensor's element; stacked parts differ. */
function valueAt(name: string, row: number): number {
  const stacked = name.includes('attention/linear');
  return stacked ? 1 + Math.floor(row / STATE) : 0.5;
}

function ctranslate2Model(specification = 'WhisperSpec'): Buffer {
  const string = (text: string) => Buffer.concat([u16(text.length + 1), Buffer.from(`${text}\0`)]);
  const variables = Object.entries(SHAPES).map(([name, shape]) => {
    const [rows = 1, ...columns] = shape;
    const width = columns.reduce((product, size) => product * size, 1);
    const data = Uint16Array.from({ length: rows * width }, (_, i) =>
      floatToHalf(valueAt(name, Math.floor(i / width))),
    );
    const bytes = Buffer.from(data.buffer);
    const dims = Buffer.concat(shape.map(u32));
    return [string(name), Buffer.from([shape.length]), dims, Buffer.from([4]), u32(bytes.length), bytes];
  });
  return Buffer.concat([
    u32(6),
    string(specification),
    u32(3),
    u32(variables.length),
    ...variables.flat(),
    u32(1),
    string('decoder/projection/weight'),
    string('decoder/embeddings/weight'),
  ]);
}

function u16(value: number) {
  return Buffer.from(Uint16Array.of(value).buffer);
}

function u32(value: number) {
  return Buffer.from(Uint32Array.of(value).buffer);
}

async function convert(model: Buffer): Promise<Buffer> {
  const files = { model: join(folder, 'in.bin'), vocabulary: join(folder, 'vocabulary.txt') };
  await writeFile(files.model, model);
  await writeFile(files.vocabulary, 'a\nĠb\nÃ±\n<|endoftext|>\n<|es|>\n<|0.00|>\n');
  whisperToGgml(files, join(folder, 'out.bin'));
  return readFile(join(folder, 'out.bin'));
}

/** Reads ggml's file as whisper.cpp does. */
function readGgml(file: Buffer) {
  let next = 0;
  const bytes = (length: number) => {
    next += length;
    return file.subarray(next - length, next);
  };
  const int = () => bytes(4).readInt32LE();
  const magic = int();
  const header = Array.from({ length: 11 }, int);
  const [mels, bins] = [int(), int()];
  bytes(mels * bins * 4);
  const tokens = Array.from({ length: int() }, () => bytes(int()).toString('utf8'));
  const tensors = new Map<string, { dims: number[]; type: number; data: Buffer }>();
  while (next < file.length) {
    const [rank, nameLength, type] = [int(), int(), int()];
    const dims = Array.from({ length: rank }, int);
    const name = bytes(nameLength).toString();
    const count = dims.reduce((product, size) => product * size, 1);
    tensors.set(name, {
      dims,
      type,
      data: bytes(type === 8 ? (count / 32) * 34 : count * (type === 1 ? 2 : 4)),
    });
  }
  return { magic, header, mels: [mels, bins], tokens, tensors };
}

test('the header says what whisper.cpp must allocate, and that matrices are q8_0', async () => {
  const { magic, header, mels } = readGgml(await convert(ctranslate2Model()));
  expect(magic).toBe(0x67676d6c);
  // n_vocab, then audio and text: context, state, heads, layers; n_mels; ftype with the quantisation version.
  expect(header).toEqual([6, 10, 64, 1, 1, 8, 64, 1, 1, 4, 2007]);
  expect(mels).toEqual([4, 201]);
});

test('ordinary tokens come as the text they stand for, and special ones are left to whisper.cpp', async () => {
  expect(readGgml(await convert(ctranslate2Model())).tokens).toEqual(['a', ' b', 'ñ']);
});

test('stacked query, key and value come apart, and the key has no bias', async () => {
  const { tensors } = readGgml(await convert(ctranslate2Model()));
  const first = (name: string) => unpackQ8_0(tensors.get(name)?.data ?? Buffer.alloc(0))[0];
  for (const block of ['encoder.blocks.0', 'decoder.blocks.0']) {
    expect(first(`${block}.attn.query.weight`)).toBeCloseTo(1, 2);
    expect(first(`${block}.attn.key.weight`)).toBeCloseTo(2, 2);
    expect(first(`${block}.attn.value.weight`)).toBeCloseTo(3, 2);
    expect(tensors.get(`${block}.attn.value.bias`)?.data.readFloatLE()).toBe(3);
    expect(tensors.has(`${block}.attn.key.bias`)).toBe(false);
  }
  expect(first('decoder.blocks.0.cross_attn.key.weight')).toBeCloseTo(1, 2);
  expect(first('decoder.blocks.0.cross_attn.value.weight')).toBeCloseTo(2, 2);
});

test('convolutions stay in half precision, their biases are columns, norms and positions are float32', async () => {
  const { tensors } = readGgml(await convert(ctranslate2Model()));
  expect(tensors.get('encoder.conv1.weight')).toMatchObject({ dims: [3, 4, 64], type: 1 });
  expect(tensors.get('encoder.conv1.bias')).toMatchObject({ dims: [1, 64], type: 0 });
  expect(tensors.get('encoder.ln_post.weight')).toMatchObject({ dims: [64], type: 0 });
  expect(tensors.get('decoder.positional_embedding')).toMatchObject({ dims: [64, 8], type: 0 });
});

test('the file has exactly the tensors that whisper.cpp asks for', async () => {
  const { tensors } = readGgml(await convert(ctranslate2Model()));
  const block = ['mlp_ln', 'mlp.0', 'mlp.2', 'attn_ln', 'attn.query', 'attn.value', 'attn.out'];
  const cross = ['cross_attn_ln', 'cross_attn.query', 'cross_attn.value', 'cross_attn.out'];
  const both = (name: string) => [`${name}.weight`, `${name}.bias`];
  const expected = [
    'encoder.positional_embedding',
    ...['encoder.conv1', 'encoder.conv2', 'encoder.ln_post', 'decoder.ln'].flatMap(both),
    ...block.flatMap((name) => both(`encoder.blocks.0.${name}`)),
    'encoder.blocks.0.attn.key.weight',
    'decoder.positional_embedding',
    'decoder.token_embedding.weight',
    ...[...block, ...cross].flatMap((name) => both(`decoder.blocks.0.${name}`)),
    'decoder.blocks.0.attn.key.weight',
    'decoder.blocks.0.cross_attn.key.weight',
  ];
  expect([...tensors.keys()].sort()).toEqual(expected.sort());
});

test('another kind of model is refused', async () => {
  await expect(convert(ctranslate2Model('TransformerSpec'))).rejects.toThrow('not a Whisper');
});

test('a file that ends early is refused', async () => {
  await expect(convert(ctranslate2Model().subarray(0, 5000))).rejects.toThrow('ends early');
});

test('every byte has a character in the vocabulary', () => {
  expect([...tokenBytes('ĠholaĊ')]).toEqual([...Buffer.from(' hola\n')]);
  expect(() => tokenBytes('€')).toThrow('byte alphabet');
});
