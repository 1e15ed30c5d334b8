import OpenAI from 'openai';
import type { Endpoint } from './resolve.ts';

/**
 * OpenAI's client for an endpoint of ours.
 *
 * @param options.maxRetries - of the client's own; 0 where the caller retries under a time limit
 * @param options.user - who asks, so that a shared server can queue fairly between calls
 */
export function createOpenAIClient(
  { baseUrl, apiKey }: Pick<Endpoint, 'baseUrl' | 'apiKey'>,
  { maxRetries = 0, user }: { maxRetries?: number; user?: string | undefined } = {},
): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    apiKey,
    maxRetries,
    ...(user !== undefined && { defaultHeaders: { 'x-client-id': user } }),
  });
}
