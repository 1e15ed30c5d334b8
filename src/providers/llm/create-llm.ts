import type { llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import OpenAI from 'openai';
import type { Endpoint } from '../resolve.ts';

/** Long enough for a spoken answer; a small model that runs on is cut here. */
const MAX_ANSWER_TOKENS = 220;
/** Small local models invent when they may choose freely. */
const LOCAL_TEMPERATURE = 0;

/**
 * The language model of a call.
 *
 * @param user - who asks, so that a shared server can queue fairly between calls
 */
export function createLLM(endpoint: Endpoint, user: string): llm.LLM {
  const local = endpoint.kind === 'local' || endpoint.kind === 'ollama';
  return new openai.LLM({
    model: endpoint.model,
    client: new OpenAI({
      baseURL: endpoint.baseUrl,
      apiKey: endpoint.apiKey,
      maxRetries: 1,
      defaultHeaders: { 'x-client-id': user },
    }),
    maxCompletionTokens: MAX_ANSWER_TOKENS,
    ...(local && { temperature: LOCAL_TEMPERATURE }),
    // Reasoning would be seconds of silence; Ollama takes this for the models that can.
    ...(endpoint.kind === 'ollama' && { reasoningEffort: 'none' as const }),
  });
}
