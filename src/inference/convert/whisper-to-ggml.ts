import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type Ctranslate2Tensor, readCtranslate2Model } from './ctranslate2-model.ts';
import { HALF_TO_FLOAT } from './half.ts';
import { FFT_BINS, melFilters } from './mel-filters.ts';
import { packQ8_0 } from './q8-0.ts';

/**
 * Turns a multilingual Whisper in CTranslate2's format into whisper.cpp's, with matrices as `q8_0`: the file that
 * whisper.cpp's `convert-pt-to-ggml.py` and then `quantize … q8_0` would give. Blocks its thread for seconds.
 *
 * @param files.model - CTranslate2's `model.bin`, float16
 * @param files.vocabulary - one token a line, in GPT-2's byte alphabet, by token number
 * @param output - path of the new file
 * @param onProgress - is told the share done, 0 to 1
 * @throws Error when the model is no Whisper in float16 or a tensor is missing
 */
export function whisperToGgml(
  files: { model: string; vocabulary: string },
  output: string,
  onProgress: (share: number) => void = () => undefined,
): void {
  const { specification, tensors } = readCtranslate2Model(readFileSync(files.model));
  if (specification !== 'WhisperSpec') throw new Error(`the model is a ${specification}, not a Whisper`);
  const source = new Weights(tensors);
  const layers = { encoder: source.layers('encoder'), decoder: source.layers('decoder') };
  const plan = [...encoder(source, layers.encoder), ...decoder(source, layers.decoder)];

  const out = openSync(output, 'w');
  try {
    writeSync(out, header(source, layers));
    const mels = source.shape('encoder/conv1/weight')[1] ?? 0;
    writeSync(out, ints([mels, FFT_BINS]));
    writeSync(out, bytesOf(melFilters(mels)));
    writeSync(out, vocabulary(readFileSync(files.vocabulary, 'utf8')));
    for (const [index, { name, shape, values, as }] of plan.entries()) {
      const label = Buffer.from(name);
      writeSync(out, ints([shape.length, label.length, GGML_TYPE[as], ...shape.toReversed()]));
      writeSync(out, label);
      writeSync(out, values());
      onProgress((index + 1) / plan.length);
    }
  } finally {
    closeSync(out);
  }
}

/**
 * The bytes that a token of GPT-2's vocabulary stands for. That vocabulary spells every byte as a printable character:
 * printable ones as themselves, the others as U+0100 onwards (`bytes_to_unicode` in OpenAI's encoder.py).
 */
export function tokenBytes(token: string): Uint8Array {
  return Uint8Array.from(token, (character) => {
    const byte = BYTE_OF.get(character);
    if (byte === undefined) throw new Error(`«${character}» is not in GPT-2's byte alphabet`);
    return byte;
  });
}

const GGML_TYPE = { float32: 0, float16: 1, q8_0: 8 } as const;
const MAGIC = 0x67676d6c;
/** `GGML_FTYPE_MOSTLY_Q8_0`, plus 1000 times the version of ggml's quantisation formats. */
const FILE_TYPE = 7 + 2 * 1000;
/** Width of an attention head; the same in every Whisper. */
const HEAD_WIDTH = 64;
const END_OF_TEXT = '<|endoftext|>';

/** One tensor of the new file; `values` makes its bytes only when they are written. */
interface Tensor {
  name: string;
  shape: number[];
  as: keyof typeof GGML_TYPE;
  values: () => Uint8Array;
}

class Weights {
  readonly #tensors: ReadonlyMap<string, Ctranslate2Tensor>;

  constructor(tensors: ReadonlyMap<string, Ctranslate2Tensor>) {
    this.#tensors = tensors;
  }

  layers(side: 'encoder' | 'decoder'): number {
    let count = 0;
    while (this.#tensors.has(`${side}/layer_${count}/ffn/linear_0/weight`)) count++;
    return count;
  }

  shape(name: string): number[] {
    return this.#get(name).shape;
  }

  /** Matrix, or the `part`th of `parts` that are stacked in it, as q8_0. */
  matrix(name: string, from: string, part = 0, parts = 1): Tensor {
    return this.#tensor(name, from, 'q8_0', part, parts);
  }

  /** Anything that whisper.cpp keeps as float32: biases, norms and positions. */
  exact(name: string, from: string, part = 0, parts = 1): Tensor {
    return this.#tensor(name, from, 'float32', part, parts);
  }

  convolution(name: string, from: string): Tensor[] {
    const bias = this.exact(`${name}.bias`, `${from}/bias`);
    return [
      this.#tensor(`${name}.weight`, `${from}/weight`, 'float16', 0, 1),
      // whisper.cpp adds this bias along time, so the file has it as a column.
      { ...bias, shape: [...bias.shape, 1] },
    ];
  }

  norm(name: string, from: string): Tensor[] {
    return [this.exact(`${name}.weight`, `${from}/gamma`), this.exact(`${name}.bias`, `${from}/beta`)];
  }

  linear(name: string, from: string): Tensor[] {
    return [this.matrix(`${name}.weight`, `${from}/weight`), this.exact(`${name}.bias`, `${from}/bias`)];
  }

  #tensor(name: string, from: string, as: Tensor['as'], part: number, parts: number): Tensor {
    const { shape, data } = this.#get(from);
    const [rows = 0, ...columns] = shape;
    const size = data.length / parts;
    const bytes = data.subarray(part * size, (part + 1) * size);
    const values = () => {
      if (as === 'float16') return bytes;
      const floats = toFloats(bytes);
      return as === 'q8_0' ? packQ8_0(floats) : bytesOf(floats);
    };
    return { name, shape: [rows / parts, ...columns], as, values };
  }

  #get(name: string): Ctranslate2Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`the model has no ${name}`);
    if (tensor.type !== 4) throw new Error(`${name} is not float16`);
    return tensor;
  }
}

function encoder(source: Weights, layers: number): Tensor[] {
  return [
    source.exact('encoder.positional_embedding', 'encoder/position_encodings/encodings'),
    ...source.convolution('encoder.conv1', 'encoder/conv1'),
    ...source.convolution('encoder.conv2', 'encoder/conv2'),
    ...source.norm('encoder.ln_post', 'encoder/layer_norm'),
    ...range(layers).flatMap((i) => {
      const [to, from] = [`encoder.blocks.${i}`, `encoder/layer_${i}`];
      return [...selfAttention(source, to, from), ...feedForward(source, to, from)];
    }),
  ];
}

function decoder(source: Weights, layers: number): Tensor[] {
  return [
    source.exact('decoder.positional_embedding', 'decoder/position_encodings/encodings'),
    source.matrix('decoder.token_embedding.weight', 'decoder/embeddings/weight'),
    ...source.norm('decoder.ln', 'decoder/layer_norm'),
    ...range(layers).flatMap((i) => {
      const [to, from] = [`decoder.blocks.${i}`, `decoder/layer_${i}`];
      return [
        ...selfAttention(source, to, from),
        ...crossAttention(source, to, from),
        ...feedForward(source, to, from),
      ];
    }),
  ];
}

/** CTranslate2 stacks query, key and value, with zeros as the key's bias, which Whisper does not have. */
function selfAttention(source: Weights, to: string, layer: string): Tensor[] {
  const from = `${layer}/self_attention`;
  return [
    ...source.norm(`${to}.attn_ln`, `${from}/layer_norm`),
    source.matrix(`${to}.attn.query.weight`, `${from}/linear_0/weight`, 0, 3),
    source.exact(`${to}.attn.query.bias`, `${from}/linear_0/bias`, 0, 3),
    source.matrix(`${to}.attn.key.weight`, `${from}/linear_0/weight`, 1, 3),
    source.matrix(`${to}.attn.value.weight`, `${from}/linear_0/weight`, 2, 3),
    source.exact(`${to}.attn.value.bias`, `${from}/linear_0/bias`, 2, 3),
    ...source.linear(`${to}.attn.out`, `${from}/linear_1`),
  ];
}

/** The query stands alone here; key and value are stacked. */
function crossAttention(source: Weights, to: string, layer: string): Tensor[] {
  const from = `${layer}/attention`;
  return [
    ...source.norm(`${to}.cross_attn_ln`, `${from}/layer_norm`),
    ...source.linear(`${to}.cross_attn.query`, `${from}/linear_0`),
    source.matrix(`${to}.cross_attn.key.weight`, `${from}/linear_1/weight`, 0, 2),
    source.matrix(`${to}.cross_attn.value.weight`, `${from}/linear_1/weight`, 1, 2),
    source.exact(`${to}.cross_attn.value.bias`, `${from}/linear_1/bias`, 1, 2),
    ...source.linear(`${to}.cross_attn.out`, `${from}/linear_2`),
  ];
}

function feedForward(source: Weights, to: string, layer: string): Tensor[] {
  const from = `${layer}/ffn`;
  return [
    ...source.norm(`${to}.mlp_ln`, `${from}/layer_norm`),
    ...source.linear(`${to}.mlp.0`, `${from}/linear_0`),
    ...source.linear(`${to}.mlp.2`, `${from}/linear_1`),
  ];
}

function header(source: Weights, layers: { encoder: number; decoder: number }): Uint8Array {
  const [vocabularySize = 0, textState = 0] = source.shape('decoder/embeddings/weight');
  const [audioContext = 0, audioState = 0] = source.shape('encoder/position_encodings/encodings');
  const [textContext = 0] = source.shape('decoder/position_encodings/encodings');
  const [, mels = 0] = source.shape('encoder/conv1/weight');
  return ints([
    MAGIC,
    vocabularySize,
    audioContext,
    audioState,
    audioState / HEAD_WIDTH,
    layers.encoder,
    textContext,
    textState,
    textState / HEAD_WIDTH,
    layers.decoder,
    mels,
    FILE_TYPE,
  ]);
}

/** whisper.cpp knows the special tokens by number, so the file names only the ordinary ones before them. */
function vocabulary(text: string): Uint8Array {
  const tokens = text.split('\n');
  const ordinary = tokens.slice(0, tokens.indexOf(END_OF_TEXT)).map(tokenBytes);
  return Buffer.concat([
    ints([ordinary.length]),
    ...ordinary.flatMap((token) => [ints([token.length]), token]),
  ]);
}

const BYTE_OF = byteAlphabet();

function byteAlphabet(): Map<string, number> {
  const alphabet = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    alphabet.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return alphabet;
}

function toFloats(halves: Uint8Array): Float32Array {
  const floats = new Float32Array(halves.length / 2);
  for (let i = 0; i < floats.length; i++) {
    floats[i] = HALF_TO_FLOAT[(halves[2 * i] ?? 0) | ((halves[2 * i + 1] ?? 0) << 8)] ?? 0;
  }
  return floats;
}

function ints(values: number[]): Uint8Array {
  return bytesOf(Int32Array.from(values));
}

function bytesOf(array: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function range(count: number): number[] {
  return [...Array(count).keys()];
}
