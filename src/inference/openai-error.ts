import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CharlaError } from '../errors.ts';

interface OpenAiError {
  error: { message: string; type: string; param: string | null; code: string };
}

/** Answers an error the way OpenAI's API does, so that its clients read the sentence and know when to try again. */
export function sendOpenAiError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toCharlaError(error, request.routeOptions.bodyLimit);
  if (known.status >= 500) request.log.error({ err: error, code: known.code }, 'request failed');
  const retryAfter = known.fields.retryAfterSeconds;
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  return reply.code(known.status).send(toOpenAiError(known));
}

export function toOpenAiError(error: CharlaError): OpenAiError {
  const { param } = error.fields;
  return {
    error: {
      message: error.message,
      type: typeOf(error.status),
      param: typeof param === 'string' ? param : null,
      code: error.code,
    },
  };
}

/** @param bodyLimit - of the route, bytes */
export function toCharlaError(error: unknown, bodyLimit = 0): CharlaError {
  if (error instanceof CharlaError) return error;
  if (error instanceof z.ZodError) return requestInvalid(error);
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413) {
    const limit = `${Math.floor(bodyLimit / 1024 ** 2)} MB`;
    return new CharlaError('CHARLA_BODY_TOO_LARGE', { limit }, { cause: error });
  }
  if (typeof status === 'number' && status < 500 && error instanceof Error) {
    return new CharlaError('CHARLA_REQUEST_INVALID', { problems: error.message }, { cause: error });
  }
  return new CharlaError('CHARLA_INTERNAL', {}, { cause: error });
}

function requestInvalid(error: z.ZodError): CharlaError {
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  return new CharlaError('CHARLA_REQUEST_INVALID', {
    problems: problems.join('; '),
    param: error.issues[0]?.path.join('.') ?? 'body',
  });
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
