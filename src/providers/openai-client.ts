import OpenAI from 'openai';
import type { Endpoint } from './resolve.ts';

/**
 * OpenAI's client for an endpoint of ours.
 *
 * @param options.maxRetries - of the client's own; 0 where the caller retries under a time limit
 * @param options.user - who asks, so that `charla inference` queues fairly between calls; told to nobody else
 */
export function createOpenAIClient(
  { kind, baseUrl, apiKey }: Pick<Endpoint, 'kind' | 'baseUrl' | 'apiKey'>,
  { maxRetries = 0, user }: { maxRetries?: number; user?: string | undefined } = {},
): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    apiKey,
    maxRetries,
    ...(kind === 'local' && user !== undefined && { defaultHeaders: { 'x-client-id': user } }),
  });
}
