import onnxProto from 'onnx-proto';
import type { FloatTensor, QuantisedTensor } from './tensor.ts';

export type Node = onnxProto.onnx.INodeProto;

/** What a rewrite says of the node that it puts in another's place. */
export interface NewNode {
  opType: string;
  name: Node['name'] | undefined;
  input: string[];
  attribute?: Node['attribute'] | undefined;
}

/** An ONNX model's graph, with what a rewrite asks of it: who makes a value, who takes it, which are constant. */
export class OnnxGraph {
  readonly #graph: onnxProto.onnx.IGraphProto;
  readonly #tensors: Map<string, onnxProto.onnx.ITensorProto>;
  readonly #producers = new Map<string, Node>();
  readonly #consumers = new Map<string, Node[]>();

  constructor(model: onnxProto.onnx.ModelProto) {
    if (!model.graph) throw new Error('the ONNX file has no graph');
    this.#graph = model.graph;
    this.#tensors = new Map(this.#initializers.map((tensor) => [tensor.name ?? '', tensor]));
    for (const node of this.nodes()) {
      for (const name of node.output ?? []) this.#producers.set(name, node);
      for (const name of node.input ?? []) {
        const consumers = this.#consumers.get(name);
        if (consumers === undefined) this.#consumers.set(name, [node]);
        else consumers.push(node);
      }
    }
  }

  nodes(): Iterable<Node> {
    return this.#graph.node ?? [];
  }

  hasTensor(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** A constant of the graph, of type float32, int8 or uint8. */
  tensor(name: string): QuantisedTensor | FloatTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`${name} is not a constant of the graph`);
    return { dims: (tensor.dims ?? []).map(Number), values: valuesOf(tensor) };
  }

  /** The node that makes a value. */
  producer(name: string): Node {
    const node = this.#producers.get(name);
    if (node === undefined) throw new Error(`no node makes ${name}`);
    return node;
  }

  onlyConsumer(node: Node): Node {
    const [first, ...others] = this.#consumers.get(node.output?.[0] ?? '') ?? [];
    if (first === undefined || others.length > 0) throw new Error(`${node.name} has not one consumer`);
    return first;
  }

  /** Adds a float32 constant; one that is there already under this name is shared. Returns the name. */
  addFloats(name: string, { dims, values }: FloatTensor): string {
    if (!this.#tensors.has(name)) {
      const tensor = onnxProto.onnx.TensorProto.create({
        name,
        dims,
        dataType: onnxProto.onnx.TensorProto.DataType.FLOAT,
        rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      });
      this.#tensors.set(name, tensor);
      this.#initializers.push(tensor);
    }
    return name;
  }

  /** Puts `by` where `node` stands; it makes the same values. */
  replace(node: Node, by: NewNode): void {
    const nodes = this.#graph.node ?? [];
    nodes[nodes.indexOf(node)] = onnxProto.onnx.NodeProto.create({
      opType: by.opType,
      name: by.name ?? '',
      input: by.input,
      output: node.output ?? [],
      attribute: by.attribute ?? [],
    });
  }

  /** Takes out every node, constant and type that no output of the graph needs any more. */
  removeDead(): void {
    const producers = new Map([...this.nodes()].flatMap((node) => (node.output ?? []).map((o) => [o, node])));
    const live = new Set<string>();
    const pending = (this.#graph.output ?? []).map((output) => output.name ?? '');
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (live.has(name)) continue;
      live.add(name);
      const node = producers.get(name);
      // A node with one live output keeps all of them.
      for (const output of node?.output ?? []) live.add(output);
      pending.push(...(node?.input ?? []));
    }
    this.#graph.node = [...this.nodes()].filter((node) => node.output?.some((name) => live.has(name)));
    this.#graph.initializer = this.#initializers.filter((tensor) => live.has(tensor.name ?? ''));
    this.#graph.valueInfo = (this.#graph.valueInfo ?? []).filter((value) => live.has(value.name ?? ''));
  }

  get #initializers(): onnxProto.onnx.ITensorProto[] {
    this.#graph.initializer ??= [];
    return this.#graph.initializer;
  }
}

/** ONNX keeps a constant's values either as raw bytes or in a field for its type. */
function valuesOf(tensor: onnxProto.onnx.ITensorProto): Float32Array | Int8Array | Uint8Array {
  const types = onnxProto.onnx.TensorProto.DataType;
  // A copy, since the file's bytes need not stand where a Float32Array may begin.
  const raw = tensor.rawData?.length ? new Uint8Array(tensor.rawData) : undefined;
  switch (tensor.dataType) {
    case types.FLOAT:
      return raw
        ? new Float32Array(raw.buffer, 0, raw.length / 4)
        : Float32Array.from(tensor.floatData ?? []);
    case types.INT8:
      return raw ? new Int8Array(raw.buffer, 0, raw.length) : Int8Array.from(tensor.int32Data ?? []);
    case types.UINT8:
      return raw ?? Uint8Array.from(tensor.int32Data ?? []);
    default:
      throw new Error(`constant ${tensor.name} is of type ${tensor.dataType}`);
  }
}
