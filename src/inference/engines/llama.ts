import { join } from 'node:path';
import {
  getLlama,
  type Llama,
  type LlamaContextSequence,
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  LlamaJsonSchemaGrammar,
  LlamaLogLevel,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
} from 'node-llama-cpp';
import { CharlaError } from '../../errors.ts';
import { ChatOutput } from './chat-output.ts';
import { ChatTemplate } from './chat-template.ts';
import type { ChatRequest, ChatResult, Engine, EngineOptions, RunContext } from './engine.ts';
import { toGrammarSchema } from './json-schema-grammar.ts';
import { LlamaSequences } from './llama-sequences.ts';

/** Calls that keep their conversation in memory, and answer at the same time. */
const SEQUENCES = 4;
/** Tokens that each of them sees, prompt and answer. */
const CONTEXT_SIZE = 4096;
/** A long prompt is read in pieces of so many tokens: between them other calls go on, and a cancelled one ends. */
const PREFILL_PIECE = 128;
/** What is left for an answer, at least. */
const SHORTEST_ANSWER = 64;
/** Control tokens in a GGUF's `tokenizer.ggml.token_type`. */
const CONTROL = 3;
const MOST_TOOL_CALLS = 8;
const REPLACEMENT = '\ufffd';

/**
 * A language model in GGUF by llama.cpp. Prompts are made by the model's own template; JSON and the calls of tools are
 * held to their schema by a grammar.
 *
 * @throws CharlaError `CHARLA_CONTEXT_TOO_LONG` from `run`
 */
export async function createLlama({ id, directory, threads: cores }: EngineOptions): Promise<Engine<'llm'>> {
  // Its threads wait for each other by spinning, as whisper.cpp's do: with a core left for the others a token takes 22 ms,
  // with all of them 27 to 37 ms as soon as there is anything else to do (2 cores, 0.5B).
  const threads = Math.max(1, cores - 1);
  const llama = await getLlama({
    gpu: 'auto',
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: join(directory, 'model.gguf'), useMmap: true });
  const context = await model.createContext({
    contextSize: Math.min(CONTEXT_SIZE, model.trainContextSize),
    sequences: SEQUENCES,
    threads,
    flashAttention: true,
  });
  const chat = new LlamaChatModel(id, llama, model, new LlamaSequences(context));
  await chat.warmUp();
  return {
    concurrency: SEQUENCES,
    run: (request, runContext) => chat.answer(request, runContext),
    dispose: () => llama.dispose(),
  };
}

class LlamaChatModel {
  readonly #id: string;
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #sequences: LlamaSequences;
  readonly #template: ChatTemplate;

  constructor(id: string, llama: Llama, model: LlamaModel, sequences: LlamaSequences) {
    this.#id = id;
    this.#llama = llama;
    this.#model = model;
    this.#sequences = sequences;
    const { chat_template: template, ggml } = model.fileInfo.metadata.tokenizer;
    if (typeof template !== 'string') {
      throw new CharlaError('CHARLA_MODEL_FAILED', { id, reason: 'its file has no chat template' });
    }
    const names: readonly string[] = ggml.tokens;
    this.#template = new ChatTemplate({
      template,
      controlTokens: names.filter((_, index) => ggml.token_type?.[index] === CONTROL),
      bosToken: model.tokens.bosString ?? '',
      eosToken: model.tokens.eosString ?? '',
    });
  }

  async warmUp(): Promise<void> {
    const [token] = this.#model.tokenize('Hola');
    if (token === undefined) return;
    await this.#sequences.use([token, token], async (sequence) => {
      for await (const _ of sequence.evaluate([token], { temperature: 0 })) break;
      await sequence.clearHistory();
    });
  }

  async answer(request: ChatRequest, { signal, emit, goAhead }: RunContext<'llm'>): Promise<ChatResult> {
    const tools = request.toolChoice === 'none' ? [] : request.tools;
    const forced = request.toolChoice === 'required' || typeof request.toolChoice === 'object';
    const style = this.#template.toolCallStyle;
    const prompt = this.#template.render(request.messages, tools);
    const opening = forced && style.kind === 'tagged' ? `${style.open}\n` : '';
    const tokens = this.#model.tokenize(prompt + opening, true);
    const room = CONTEXT_SIZE - tokens.length;
    if (room < SHORTEST_ANSWER) {
      throw new CharlaError('CHARLA_CONTEXT_TOO_LONG', {
        id: this.#id,
        tokens: tokens.length,
        limit: CONTEXT_SIZE,
      });
    }
    const output = new ChatOutput({ tools: tools.map(({ name }) => name), style, stop: request.stop, emit });
    if (forced) output.beginCall();
    const limit = Math.min(request.maxTokens, room - 1);
    const mostCalls = request.parallelToolCalls && !forced ? MOST_TOOL_CALLS : 1;

    return this.#sequences.use(tokens, async (sequence, cachedTokens) => {
      const unread = await prefill(sequence, tokens.slice(cachedTokens), { signal, goAhead });
      const grammar = new GrammarSwitch(this.#llama, this.#model, request, style.argumentsKey);
      const text = new TextOf(this.#model, tokens);
      let completionTokens = 0;
      let ended = false;
      if (signal.aborted) return { finishReason: 'stop', promptTokens: 0, cachedTokens, completionTokens };
      const generated = sequence.evaluate(unread, {
        ...samplingOf(request, text.tokens),
        grammarEvaluationState: () => grammar.current(output.inCall),
      });
      for await (const token of generated) {
        completionTokens += 1;
        const piece = text.push(token);
        const goOn = output.push(piece);
        ended = !goOn || grammar.isComplete(piece) || output.calls >= mostCalls;
        if (ended || signal.aborted || completionTokens >= limit) break;
        await goAhead();
      }
      output.end();
      const cut = !ended && completionTokens >= limit;
      return {
        finishReason: output.calls > 0 ? 'tool_calls' : cut ? 'length' : 'stop',
        promptTokens: tokens.length,
        cachedTokens,
        completionTokens,
      };
    });
  }
}

/** Reads a prompt piece by piece. @returns the tokens that are left for the first step of the answer */
async function prefill(
  sequence: LlamaContextSequence,
  tokens: Token[],
  { signal, goAhead }: Pick<RunContext<'llm'>, 'signal' | 'goAhead'>,
): Promise<Token[]> {
  let at = 0;
  for (; tokens.length - at > PREFILL_PIECE && !signal.aborted; at += PREFILL_PIECE) {
    await goAhead();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + PREFILL_PIECE));
  }
  return tokens.slice(at);
}

function samplingOf(request: ChatRequest, generated: readonly Token[]): SequenceEvaluateOptions {
  const { temperature, topP, seed, frequencyPenalty, presencePenalty } = request;
  const penalised = frequencyPenalty > 0 || presencePenalty > 0;
  return {
    temperature,
    topP,
    ...(seed === undefined ? {} : { seed }),
    ...(penalised
      ? {
          repeatPenalty: {
            punishTokens: () => [...generated],
            penalty: 1,
            frequencyPenalty,
            presencePenalty,
          },
        }
      : {}),
  };
}

/** Which grammar holds the next token: that of the answer's format, that of a tool call while one is written, or none. */
class GrammarSwitch {
  readonly #model: LlamaModel;
  readonly #format: LlamaGrammarEvaluationState | undefined;
  readonly #makeCall: () => LlamaGrammarEvaluationState;
  #call: LlamaGrammarEvaluationState | undefined;
  #written = '';

  constructor(llama: Llama, model: LlamaModel, request: ChatRequest, argumentsKey: string) {
    this.#model = model;
    const { format, toolChoice, tools } = request;
    this.#format =
      format === 'text'
        ? undefined
        : this.#state(jsonGrammar(llama, format === 'json' ? { type: 'object' } : format.schema));
    const callable = tools.filter(({ name }) => typeof toolChoice === 'string' || name === toolChoice.name);
    const calls = callable.map(({ name, parameters }) => ({
      type: 'object',
      properties: { name: { const: name }, [argumentsKey]: { type: 'object', ...parameters } },
    }));
    this.#makeCall = () =>
      this.#state(jsonGrammar(llama, calls.length === 1 ? (calls[0] ?? {}) : { oneOf: calls }));
  }

  current(inCall: boolean): LlamaGrammarEvaluationState | undefined {
    if (!inCall) {
      this.#call = undefined;
      return this.#format;
    }
    this.#call ??= this.#makeCall();
    return this.#call;
  }

  /** Whether the answer's JSON is complete; a grammar would go on with white space. */
  isComplete(piece: string): boolean {
    if (this.#format === undefined) return false;
    this.#written += piece;
    return /[}\]"\w]\s*$/.test(this.#written) && isJson(this.#written);
  }

  #state(grammar: LlamaGrammar): LlamaGrammarEvaluationState {
    return new LlamaGrammarEvaluationState({ model: this.#model, grammar });
  }
}

function jsonGrammar(llama: Llama, schema: Record<string, unknown>): LlamaGrammar {
  return new LlamaJsonSchemaGrammar(llama, toGrammarSchema(schema));
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

/** Tokens back to text. A token may be a part of a character only: it waits for the rest. */
class TextOf {
  readonly tokens: Token[] = [];
  readonly #model: LlamaModel;
  readonly #prompt: Token[];
  #pending: Token[] = [];

  constructor(model: LlamaModel, prompt: Token[]) {
    this.#model = model;
    this.#prompt = prompt.slice(-8);
  }

  push(token: Token): string {
    const before = [
      ...this.#prompt,
      ...this.tokens.slice(0, this.tokens.length - this.#pending.length),
    ].slice(-8);
    this.#pending.push(token);
    this.tokens.push(token);
    const text = this.#model.detokenize(this.#pending, true, before);
    if (text.endsWith(REPLACEMENT) && this.#pending.length < 4) return '';
    this.#pending = [];
    return text;
  }
}
