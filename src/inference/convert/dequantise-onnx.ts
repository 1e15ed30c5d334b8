import { readFileSync, writeFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { type Node, OnnxGraph } from './onnx-graph.ts';
import { dequantise, swapLastAxes } from './tensor.ts';

/**
 * Turns an ONNX model with dynamically quantised weights (what `onnxruntime.quantization.quantize_dynamic` writes) back
 * into plain float32 arithmetic. On CPUs without integer matrix instructions that is the faster one: Kokoro's real-time
 * factor falls from 0.70 to 0.38 on two cores. Blocks its thread for seconds.
 *
 * What is rewritten, with the weights as float32 initialisers:
 * - `DynamicQuantizeLinear → MatMulInteger → Cast → Mul` into `MatMul`
 * - `DynamicQuantizeLinear → ConvInteger → (Add bias) → Cast → Mul` into `Conv`
 * - `Gather → DequantizeLinear` into `Gather`
 * - `com.microsoft.DynamicQuantizeLSTM` into `LSTM`
 *
 * @param input - path of the quantised model
 * @param output - path of the new one, a single file
 * @param onProgress - is told the share done, 0 to 1
 * @throws Error naming the node, when an integer node stands in another pattern
 */
export function dequantiseOnnx(
  input: string,
  output: string,
  onProgress: (share: number) => void = () => undefined,
): void {
  const model = onnxProto.onnx.ModelProto.decode(readFileSync(input));
  const graph = new OnnxGraph(model);
  const nodes = [...graph.nodes()];
  for (const [index, node] of nodes.entries()) {
    REWRITES[node.opType ?? '']?.(graph, node);
    onProgress(index / nodes.length);
  }
  graph.removeDead();
  const left = [...graph.nodes()].find((node) => INTEGER_NODES.has(node.opType ?? ''));
  if (left !== undefined) throw new Error(`${left.opType} ${left.name} stands in an unknown pattern`);
  writeFileSync(output, onnxProto.onnx.ModelProto.encode(model).finish());
  onProgress(1);
}

const REWRITES: Record<string, (graph: OnnxGraph, node: Node) => void> = {
  MatMulInteger: rewriteMatMul,
  ConvInteger: rewriteConv,
  DequantizeLinear: rewriteGather,
  DynamicQuantizeLSTM: rewriteLstm,
};

const INTEGER_NODES = new Set([
  'DynamicQuantizeLinear',
  'MatMulInteger',
  'ConvInteger',
  'DequantizeLinear',
  'DynamicQuantizeLSTM',
]);

function rewriteMatMul(graph: OnnxGraph, node: Node): void {
  const [quantised = '', weight = '', , zeroPoint] = node.input ?? [];
  const { end, scale } = scaledOutput(graph, graph.onlyConsumer(node));
  const matrix = graph.tensor(weight);
  // Scales go by column, the last axis.
  const floats = dequantise(matrix, graph.tensor(scale), optional(graph, zeroPoint), matrix.dims.length - 1);
  graph.replace(end, {
    opType: 'MatMul',
    name: end.name,
    input: [floatInput(graph, quantised), graph.addFloats(`${weight}_float`, floats)],
  });
}

function rewriteConv(graph: OnnxGraph, node: Node): void {
  const [quantised = '', weight = '', , zeroPoint] = node.input ?? [];
  let next = graph.onlyConsumer(node);
  const bias = next.opType === 'Add' ? floatBias(graph, next, node) : undefined;
  if (next.opType === 'Add') next = graph.onlyConsumer(next);
  const { end, scale } = scaledOutput(graph, next);
  // Scales go by output channel, the first axis.
  const floats = dequantise(graph.tensor(weight), graph.tensor(scale), optional(graph, zeroPoint), 0);
  graph.replace(end, {
    opType: 'Conv',
    name: end.name,
    attribute: node.attribute,
    input: [
      floatInput(graph, quantised),
      graph.addFloats(`${weight}_float`, floats),
      ...(bias === undefined ? [] : [bias]),
    ],
  });
}

function rewriteGather(graph: OnnxGraph, node: Node): void {
  const [gathered = '', scale = '', zeroPoint] = node.input ?? [];
  const gather = graph.producer(gathered);
  if (gather.opType !== 'Gather') throw new Error(`DequantizeLinear ${node.name} does not follow a Gather`);
  const [table = '', indices = ''] = gather.input ?? [];
  const floats = dequantise(graph.tensor(table), graph.tensor(scale), optional(graph, zeroPoint), 0);
  graph.replace(node, {
    opType: 'Gather',
    name: gather.name,
    attribute: gather.attribute,
    input: [graph.addFloats(`${table}_float`, floats), indices],
  });
}

/** The quantised LSTM keeps its weights as [directions, input, 4·hidden]; the plain one wants the last two swapped. */
function rewriteLstm(graph: OnnxGraph, node: Node): void {
  const inputs = node.input ?? [];
  const [x = '', w = '', r = '', bias = '', lengths = '', h = '', c = '', peepholes = ''] = inputs;
  const [wScale = '', wZero, rScale = '', rZero] = inputs.slice(8);
  const plain = (weight: string, scale: string, zeroPoint: string | undefined) => {
    const floats = dequantise(graph.tensor(weight), graph.tensor(scale), optional(graph, zeroPoint), 0);
    return graph.addFloats(`${weight}_float`, swapLastAxes(floats));
  };
  graph.replace(node, {
    opType: 'LSTM',
    name: node.name,
    attribute: node.attribute,
    input: [x, plain(w, wScale, wZero), plain(r, rScale, rZero), bias, lengths, h, c, peepholes],
  });
}

/** From the `Cast` after an integer product: the `Mul` whose output is the float result, and the weight's scale. */
function scaledOutput(graph: OnnxGraph, cast: Node): { end: Node; scale: string } {
  if (cast.opType !== 'Cast') throw new Error(`${cast.opType} ${cast.name} is no Cast`);
  const end = graph.onlyConsumer(cast);
  if (end.opType !== 'Mul') throw new Error(`${end.opType} ${end.name} is no Mul`);
  const factor = end.input?.find((name) => name !== cast.output?.[0]) ?? '';
  const scale = graph.producer(factor).input?.find((name) => graph.hasTensor(name));
  if (scale === undefined) throw new Error(`the scale of ${end.name} is not constant`);
  return { end, scale };
}

/** The bias was divided by the scale, floored, cast and reshaped; its float form still stands at the start of that. */
function floatBias(graph: OnnxGraph, add: Node, product: Node): string {
  let name = add.input?.find((input) => input !== product.output?.[0]) ?? '';
  for (const step of ['Reshape', 'Cast', 'Floor', 'Div']) {
    const node = graph.producer(name);
    if (node.opType !== step)
      throw new Error(`the bias of ${product.name} passes ${node.opType}, not ${step}`);
    name = node.input?.[0] ?? '';
  }
  return name;
}

function floatInput(graph: OnnxGraph, quantised: string): string {
  const node = graph.producer(quantised);
  if (node.opType !== 'DynamicQuantizeLinear') throw new Error(`${quantised} is not quantised dynamically`);
  return node.input?.[0] ?? '';
}

function optional(graph: OnnxGraph, name: string | undefined) {
  return name === undefined || name === '' ? undefined : graph.tensor(name);
}
