import type { llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { createOpenAIClient } from '../openai-client.ts';
import type { Endpoint } from '../resolve.ts';

/** Long enough for a spoken answer; a small model that runs on is cut here. */
const MAX_ANSWER_TOKENS = 160;
/** Small local models invent when they may choose freely. Not 0: plugin-openai 1.9.0 leaves that out of the request. */
const LOCAL_TEMPERATURE = 0.001;

/**
 * The language model of a call.
 *
 * @param user - who asks, so that a shared server can queue fairly between calls
 */
export function createLLM(endpoint: Endpoint, user: string): llm.LLM {
  const local = isLocal(endpoint);
  return new openai.LLM({
    model: endpoint.model,
    client: createOpenAIClient(endpoint, { maxRetries: 1, user }),
    maxCompletionTokens: MAX_ANSWER_TOKENS,
    ...(local && { temperature: LOCAL_TEMPERATURE }),
    // Reasoning would be seconds of silence; Ollama takes this for the models that can.
    ...(endpoint.kind === 'ollama' && { reasoningEffort: 'none' as const }),
  });
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

function isLocal(endpoint: Endpoint): boolean {
  return endpoint.kind === 'local' || endpoint.kind === 'ollama';
}
