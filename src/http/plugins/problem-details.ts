import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { CharlaError, type ErrorCode } from '../../errors.ts';

/** Largest request body: data tools at their limit and what stands around them. */
export const BODY_LIMIT_BYTES = 300 * 1024;
const RETRY_AFTER_SECONDS = 5;

interface FieldProblem {
  /** JSON Pointer into the request; `/` is the whole of it. */
  path: string;
  message: string;
}

/** RFC 9457, with our code and, for input that is not valid, one entry for each field. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  instance: string;
  errors?: FieldProblem[];
}

/** Answers every error as `application/problem+json`. What is not of our catalogue shows nothing of its inside. */
export const problemDetails = fastifyPlugin(async (app: FastifyInstance) => {
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => {
    const { error: known, status, errors } = toCatalogue(error);
    if (status >= 500) request.log.error({ err: error, code: known.code }, 'request failed');
    // The code only: the sentence may repeat what the person sent.
    else request.log.info({ code: known.code }, 'request refused');
    return send(request, reply, known, status, errors);
  });
  app.setNotFoundHandler((request, reply) => {
    const { method } = request;
    const path = request.url.split('?', 1)[0] ?? '/';
    return send(request, reply, new CharlaError('CHARLA_NOT_FOUND', { method, path }), 404);
  });
});

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  error: CharlaError,
  status: number,
  errors?: FieldProblem[],
) {
  const body: ProblemDetails = {
    type: `urn:charla:error:${error.code}`,
    title: error.title,
    status,
    detail: error.message,
    code: error.code,
    instance: `urn:charla:request:${request.id}`,
    ...(errors && { errors }),
  };
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (status === 401) reply.header('www-authenticate', 'Bearer, ApiKey');
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer((value: unknown) => JSON.stringify(value))
    .send(body);
}

function toCatalogue(error: FastifyError | Error): {
  error: CharlaError;
  status: number;
  errors?: FieldProblem[];
} {
  if (error instanceof CharlaError) {
    const { path, reason } = error.fields;
    const errors =
      error.code === 'CHARLA_DATA_TOOLS_INVALID'
        ? [{ path: String(path), message: String(reason) }]
        : undefined;
    return { error, status: error.status, ...(errors && { errors }) };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: instancePath === '' ? '/' : instancePath,
      message: message ?? 'is not valid',
    }));
    return { ...invalid(errors.map(({ path, message }) => `${path}: ${message}`).join('; ')), errors };
  }
  const code = 'code' in error ? error.code : undefined;
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const tooLarge = new CharlaError('CHARLA_BODY_TOO_LARGE', { limit: `${BODY_LIMIT_BYTES / 1024} KiB` });
      return { error: tooLarge, status: 413 };
    }
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return { ...invalid('the body is not JSON'), errors: [{ path: '/', message: 'is not JSON' }] };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return invalid('the content type has to be application/json', status);
  }
  if (status >= 400 && status < 500) return invalid(error.message, status);
  return { error: new CharlaError('CHARLA_INTERNAL', {}, { cause: error }), status: 500 };
}

function invalid(problems: string, status = 400) {
  return { error: new CharlaError('CHARLA_REQUEST_INVALID', { problems }), status };
}
