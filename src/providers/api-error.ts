import { APIConnectionError, APIStatusError } from '@livekit/agents';
import { APIError as OpenAIError } from 'openai';
import { CharlaError } from '../errors.ts';
import type { Endpoint } from './resolve.ts';

/** Turns what the client library throws into what the session understands, with our sentence as its cause. */
export function toApiError(error: unknown, kind: string, endpoint: Endpoint, signal?: AbortSignal): Error {
  if (signal?.aborted === true) return error instanceof Error ? error : new Error(String(error));
  const reason = error instanceof Error ? error.message : String(error);
  const cause = new CharlaError(
    'CHARLA_PROVIDER_FAILED',
    { kind, url: endpoint.baseUrl, reason },
    { cause: error },
  );
  // Our own retry has been spent: the framework must not add its own.
  const options = { retryable: false };
  const apiError =
    error instanceof OpenAIError && typeof error.status === 'number'
      ? new APIStatusError({ message: cause.message, options: { ...options, statusCode: error.status } })
      : new APIConnectionError({ message: cause.message, options });
  apiError.cause = cause;
  return apiError;
}
