import { APIConnectionError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { APIError as OpenAIError } from 'openai';
import { CharlaError, messageOf } from '../errors.ts';
import type { Endpoint } from './resolve.ts';
import type { TimeLimit } from './time-limit.ts';

/**
 * Turns what a request threw into what the session understands, with our sentence as its cause. What was thrown because
 * the session gave the request up (`signal`) stays as it is.
 */
export function toApiError(
  error: unknown,
  kind: string,
  endpoint: Endpoint,
  limit: TimeLimit,
  signal?: AbortSignal,
): Error {
  if (signal?.aborted === true) return error instanceof Error ? error : new Error(String(error));
  const url = endpoint.baseUrl;
  const cause = limit.exceeded
    ? new CharlaError('CHARLA_PROVIDER_TIMEOUT', { kind, url, timeoutMs: limit.ms }, { cause: error })
    : new CharlaError('CHARLA_PROVIDER_FAILED', { kind, url, reason: messageOf(error) }, { cause: error });
  const apiError = apiErrorOf(error, cause.message, limit);
  apiError.cause = cause;
  return apiError;
}

/**
 * Whether a second try may succeed where the first failed: the connection broke, or the server is busy or broken. For
 * `p-retry`.
 */
export function mayRetry({ error }: { error: Error }): boolean {
  if (!(error instanceof OpenAIError) || typeof error.status !== 'number') return true;
  return error.status >= 500 || [408, 409, 429].includes(error.status);
}

function apiErrorOf(error: unknown, message: string, limit: TimeLimit): Error {
  // Our own retry has been spent: the framework must not add its own.
  const options = { retryable: false };
  if (limit.exceeded) return new APITimeoutError({ message, options });
  if (error instanceof OpenAIError && typeof error.status === 'number') {
    return new APIStatusError({ message, options: { ...options, statusCode: error.status } });
  }
  return new APIConnectionError({ message, options });
}
