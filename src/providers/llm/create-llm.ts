import { llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { Ollama } from 'ollama';
import { createOpenAIClient } from '../openai-client.ts';
import type { Endpoint } from '../resolve.ts';

/** Long enough for a spoken answer; a small model that runs on is cut here. */
const MAX_ANSWER_TOKENS = 160;
/**
 * Local models, and Ollama unless told otherwise, read 4,096 tokens: after 1,300 of instructions and data and the answer,
 * this many characters of conversation at three a token.
 */
const LOCAL_HISTORY_CHARS = 7_000;
/** Tokens of data tools in the prompt: local models read them in half a second, and forget the middle of more. */
const LOCAL_DATA_TOKENS = 900;
const DATA_TOKENS = 6_000;
const CAPABILITIES_TIMEOUT_MS = 500;
/** An hour of talk; what it costs grows with it. */
const HISTORY_CHARS = 60_000;
/** Small local models invent when they may choose freely. Not 0: plugin-openai 1.9.0 leaves that out of the request. */
const LOCAL_TEMPERATURE = 0.001;

/**
 * The language model of a call.
 *
 * @param user - who asks, so that a shared server can queue fairly between calls
 */
export function createLLM(endpoint: Endpoint, user: string): llm.LLM {
  const options = {
    model: endpoint.model,
    client: createOpenAIClient(endpoint, { maxRetries: 1, user }),
    ...(isLocal(endpoint) && { temperature: LOCAL_TEMPERATURE }),
  };
  if (endpoint.kind === 'ollama') return new OllamaLLM({ ...options, reasoningEffort: 'none' });
  return new openai.LLM({ ...options, maxCompletionTokens: MAX_ANSWER_TOKENS });
}

/**
 * Ollama knows only `max_tokens`, the older name of the limit (https://github.com/ollama/ollama/issues/7125). Reasoning
 * would be seconds of silence.
 */
class OllamaLLM extends openai.LLM {
  override chat(request: Parameters<openai.LLM['chat']>[0]): openai.LLMStream {
    return super.chat({ ...request, extraKwargs: { ...request.extraKwargs, max_tokens: MAX_ANSWER_TOKENS } });
  }
}

/**
 * Has a local model read the instructions before the first question, so that only the question is left to read then.
 * Servers elsewhere keep no prefix for us, and would bill it.
 *
 * @param instructions - exactly the system message that the next answer will be asked with
 * @param tools - those of the next answer: templates write them before it
 */
export async function warmPrompt(
  endpoint: Endpoint,
  user: string,
  instructions: string,
  tools?: llm.ToolContext,
): Promise<void> {
  if (!isLocal(endpoint)) return;
  const definitions = tools === undefined ? [] : definitionsOf(tools);
  await createOpenAIClient(endpoint, { maxRetries: 1, user }).chat.completions.create({
    model: endpoint.model,
    messages: [{ role: 'system', content: instructions }],
    max_tokens: 1,
    ...(definitions.length > 0 && { tools: definitions }),
  });
}

/** As the framework's `inference/llm.ts` (1.9.0) writes them into a request. */
function definitionsOf(tools: llm.ToolContext) {
  return llm.sortedToolEntries(tools).map(([name, { description, parameters: schema }]) => {
    const { $schema: _version, ...parameters } = { ...llm.toJsonSchema(schema, true, false) };
    return { type: 'function' as const, function: { name, description, parameters } };
  });
}

/** How much of the data tools is to stand in the model's instructions, tokens. */
export function dataTokens(endpoint: Endpoint): number {
  return isLocal(endpoint) ? LOCAL_DATA_TOKENS : DATA_TOKENS;
}

/** How much of a conversation the model is to be given, characters. */
export function historyChars(endpoint: Endpoint): number {
  return isLocal(endpoint) ? LOCAL_HISTORY_CHARS : HISTORY_CHARS;
}

/**
 * Whether the model can be given tools. An Ollama refuses requests with tools for models that were not made for them
 * (`gemma3`), and says so in `capabilities` of `/api/show`; elsewhere every model that talks can.
 */
export async function canCallTools(endpoint: Endpoint): Promise<boolean> {
  if (endpoint.kind !== 'ollama') return true;
  const { baseUrl, model } = endpoint;
  const known = capabilities.get(`${baseUrl} ${model}`);
  if (known !== undefined) return known;
  const signal = AbortSignal.timeout(CAPABILITIES_TIMEOUT_MS);
  const host = baseUrl.replace(/\/v1$/u, '');
  const client = new Ollama({ host, fetch: (input, init) => fetch(input, { ...init, signal }) });
  try {
    const can = (await client.show({ model })).capabilities?.includes('tools') ?? false;
    capabilities.set(`${baseUrl} ${model}`, can);
    return can;
  } catch {
    return false;
  }
}

const capabilities = new Map<string, boolean>();

function isLocal(endpoint: Endpoint): boolean {
  return endpoint.kind === 'local' || endpoint.kind === 'ollama';
}
