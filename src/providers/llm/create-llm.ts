import type { llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { createOpenAIClient } from '../openai-client.ts';
import type { Endpoint } from '../resolve.ts';

/** Long enough for a spoken answer; a small model that runs on is cut here. */
const MAX_ANSWER_TOKENS = 160;
/**
 * Local models, and Ollama unless told otherwise, read 4,096 tokens: after 1,300 of instructions and data and the answer,
 * this many characters of conversation at three a token.
 */
const LOCAL_HISTORY_CHARS = 7_000;
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
 */
export async function warmPrompt(endpoint: Endpoint, user: string, instructions: string): Promise<void> {
  if (!isLocal(endpoint)) return;
  await createOpenAIClient(endpoint, { maxRetries: 1, user }).chat.completions.create({
    model: endpoint.model,
    messages: [{ role: 'system', content: instructions }],
    max_tokens: 1,
  });
}

/** How much of a conversation the model is to be given, characters. */
export function historyChars(endpoint: Endpoint): number {
  return isLocal(endpoint) ? LOCAL_HISTORY_CHARS : HISTORY_CHARS;
}

function isLocal(endpoint: Endpoint): boolean {
  return endpoint.kind === 'local' || endpoint.kind === 'ollama';
}
