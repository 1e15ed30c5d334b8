import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import ort from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dequantiseOnnx } from '../../../src/inference/convert/dequantise-onnx.ts';

const { ModelProto, TensorProto, AttributeProto } = onnxProto.onnx;
const { FLOAT, INT8, UINT8, INT64 } = TensorProto.DataType;
type Node = onnxProto.onnx.INodeProto;
type Tensor = onnxProto.onnx.ITensorProto;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'charla-onnx-'));
});
afterEach(() => rm(folder, { recursive: true }));

const floats = (name: string, dims: number[], value: (i: number) => number): Tensor => ({
  name,
  dims,
  dataType: FLOAT,
  rawData: new Uint8Array(Float32Array.from({ length: product(dims) }, (_, i) => value(i)).buffer),
});
const bytes = (name: string, dims: number[], dataType: number, value: (i: number) => number): Tensor => ({
  name,
  dims,
  dataType,
  // In its own field, as onnxruntime's quantiser leaves zero points.
  int32Data: Array.from({ length: product(dims) }, (_, i) => value(i)),
});
const noise = (i: number) => Math.round(100 * Math.sin(i * 12.9898));
const product = (dims: number[]) => dims.reduce((all, size) => all * size, 1);

const quantiseX: Node = { opType: 'DynamicQuantizeLinear', input: ['x'], output: ['xq', 'xs', 'xz'] };
const cast = (from: string, to: string, type: number): Node => ({
  opType: 'Cast',
  input: [from],
  output: [to],
  attribute: [{ name: 'to', type: AttributeProto.AttributeType.INT, i: type }],
});
const scaled = (from: string, scale: string): Node[] => [
  { opType: 'Mul', input: ['xs', scale], output: ['factor'] },
  { opType: 'Mul', input: [from, 'factor'], output: ['y'] },
];

async function writeModel(dims: number[], nodes: Node[], initializer: Tensor[], type: number = FLOAT) {
  const path = join(folder, 'quantised.onnx');
  const shape = (sizes: number[]) => ({ dim: sizes.map((dimValue) => ({ dimValue })) });
  const model = {
    irVersion: 9,
    opsetImport: [{ version: 17 }, { domain: 'com.microsoft', version: 1 }],
    graph: {
      name: 'test',
      node: nodes.map((node, i) => ({ name: `node${i}`, ...node })),
      initializer,
      input: [{ name: 'x', type: { tensorType: { elemType: type, shape: shape(dims) } } }],
      output: [{ name: 'y', type: { tensorType: { elemType: FLOAT } } }],
    },
  };
  await writeFile(path, ModelProto.encode(ModelProto.fromObject(model)).finish());
  return path;
}

async function operators(path: string): Promise<string[]> {
  const { graph } = ModelProto.decode(await readFile(path));
  return (graph?.node ?? []).map((node) => node.opType ?? '');
}

async function run(path: string, x: ort.Tensor): Promise<number[]> {
  const session = await ort.InferenceSession.create(path);
  const { y } = await session.run({ x });
  await session.release();
  if (!(y?.data instanceof Float32Array)) throw new Error('y is not float32');
  return [...y.data];
}

/** Converts, runs both, and holds the float result against the quantised one within what 8 bits of input allow. */
async function expectSame(path: string, x: ort.Tensor, operatorsAfter: string[]): Promise<void> {
  const output = join(folder, 'float.onnx');
  dequantiseOnnx(path, output);
  expect(await operators(output)).toEqual(operatorsAfter);
  const [quantised, float] = [await run(path, x), await run(output, x)];
  expect(float).toHaveLength(quantised.length);
  const largest = Math.max(...quantised.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  float.forEach((value, i) => {
    expect(Math.abs(value - (quantised[i] ?? 0))).toBeLessThan(0.03 * largest);
  });
}

const input = (dims: number[]) =>
  new ort.Tensor(
    'float32',
    Float32Array.from({ length: product(dims) }, (_, i) => Math.cos(i * 0.7)),
    dims,
  );

test('a quantised matrix product with a scale and a zero point for each column becomes MatMul', async () => {
  const nodes = [
    quantiseX,
    { opType: 'MatMulInteger', input: ['xq', 'w', 'xz', 'wz'], output: ['product'] },
    cast('product', 'asFloat', FLOAT),
    ...scaled('asFloat', 'ws'),
  ];
  const path = await writeModel([3, 8], nodes, [
    bytes('w', [8, 4], INT8, noise),
    bytes('wz', [4], INT8, (i) => i - 2),
    floats('ws', [4], (i) => 0.01 * (i + 1)),
  ]);
  await expectSame(path, input([3, 8]), ['MatMul']);
});

test('a quantised convolution with a quantised bias becomes Conv with the bias as it was', async () => {
  const nodes: Node[] = [
    quantiseX,
    {
      opType: 'ConvInteger',
      input: ['xq', 'w', 'xz', 'wz'],
      output: ['product'],
      attribute: [{ name: 'pads', type: AttributeProto.AttributeType.INTS, ints: [1, 1] }],
    },
    { opType: 'Mul', input: ['xs', 'ws'], output: ['factor'] },
    { opType: 'Div', input: ['bias', 'factor'], output: ['divided'] },
    { opType: 'Floor', input: ['divided'], output: ['floored'] },
    cast('floored', 'whole', TensorProto.DataType.INT32),
    { opType: 'Reshape', input: ['whole', 'biasShape'], output: ['shaped'] },
    { opType: 'Add', input: ['product', 'shaped'], output: ['added'] },
    cast('added', 'asFloat', FLOAT),
    { opType: 'Mul', input: ['asFloat', 'factor'], output: ['y'] },
  ];
  const path = await writeModel([1, 2, 9], nodes, [
    bytes('w', [3, 2, 3], UINT8, (i) => 128 + noise(i)),
    bytes('wz', [], UINT8, () => 128),
    floats('ws', [], () => 0.02),
    floats('bias', [3], (i) => 0.5 * (i - 1)),
    { name: 'biasShape', dims: [3], dataType: INT64, int64Data: [1, 3, 1] },
  ]);
  await expectSame(path, input([1, 2, 9]), ['Conv']);
});

test('a quantised table of embeddings becomes a plain one', async () => {
  const nodes: Node[] = [
    { opType: 'Gather', input: ['w', 'x'], output: ['rows'] },
    { opType: 'DequantizeLinear', input: ['rows', 'ws', 'wz'], output: ['y'] },
  ];
  const path = await writeModel(
    [1, 3],
    nodes,
    [bytes('w', [5, 4], INT8, noise), bytes('wz', [], INT8, () => 3), floats('ws', [], () => 0.1)],
    INT64,
  );
  await expectSame(path, new ort.Tensor('int64', BigInt64Array.of(4n, 0n, 2n), [1, 3]), ['Gather']);
});

test('a quantised LSTM in both directions becomes LSTM', async () => {
  const hidden = 4;
  const attribute = [
    { name: 'direction', type: AttributeProto.AttributeType.STRING, s: Buffer.from('bidirectional') },
    { name: 'hidden_size', type: AttributeProto.AttributeType.INT, i: hidden },
  ];
  const inputs = ['x', 'w', 'r', 'b', '', 'h', 'c', '', 'ws', 'z', 'rs', 'z'];
  const nodes = [
    { opType: 'DynamicQuantizeLSTM', domain: 'com.microsoft', input: inputs, output: ['y'], attribute },
  ];
  const path = await writeModel([5, 1, 3], nodes, [
    bytes('w', [2, 3, 4 * hidden], INT8, noise),
    bytes('r', [2, hidden, 4 * hidden], INT8, (i) => noise(i + 7)),
    floats('b', [2, 8 * hidden], (i) => 0.1 * Math.sin(i)),
    floats('h', [2, 1, hidden], () => 0),
    floats('c', [2, 1, hidden], () => 0),
    floats('ws', [2], (i) => 0.01 * (i + 1)),
    floats('rs', [2], (i) => 0.02 / (i + 1)),
    bytes('z', [2], INT8, () => 0),
  ]);
  await expectSame(path, input([5, 1, 3]), ['LSTM']);
});

test('an integer product that stands in no known pattern is named', async () => {
  const nodes = [
    quantiseX,
    { opType: 'MatMulInteger', input: ['xq', 'w', 'xz'], output: ['product'] },
    cast('product', 'y', FLOAT),
  ];
  const path = await writeModel([1, 8], nodes, [bytes('w', [8, 4], INT8, noise)]);
  expect(() => dequantiseOnnx(path, join(folder, 'float.onnx'))).toThrow('node2');
});
