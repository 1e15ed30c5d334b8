import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import type { problemSchema } from '../schemas.ts';

/** Largest request body: data tools at their limit and what stands around them. */
export const BODY_LIMIT_BYTES = 300 * 1024;
const RETRY_AFTER_SECONDS = 5;
/** Node's code of what went wrong before there was a request → status and sentence. */
const NO_REQUEST: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'its headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'it did not come in time'],
};

type ProblemDetails = z.output<typeof problemSchema>;
type FieldProblem = NonNullable<ProblemDetails['errors']>[number];

/** Answers every error as `application/problem+json`. What is not of our catalogue shows nothing of its inside. */
export const problemDetails = fastifyPlugin(async (app: FastifyInstance) => {
  app.setErrorHandler<FastifyError | Error>(answerProblem);
  app.setNotFoundHandler((request, reply) => {
    const { method } = request;
    const path = request.url.split('?', 1)[0] ?? '/';
    return send(request, reply, new CharlaError('CHARLA_NOT_FOUND', { method, path }), 404);
  });
});

/** For `setErrorHandler`, and for `frameworkErrors`: what fails before a route is found. */
export function answerProblem(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { error: known, status, errors } = toCatalogue(error);
  if (status >= 500) request.log.error({ err: error, code: known.code }, 'request failed');
  // The code only: the sentence may repeat what the person sent.
  else request.log.info({ code: known.code }, 'request refused');
  return send(request, reply, known, status, errors);
}

/** For `clientErrorHandler`: what is not HTTP at all, too long in its headers, or too slow. */
export function answerNoRequest(error: ConnectionError, socket: Socket): void {
  // The client is gone, or has its answer already.
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const [status, problems] = NO_REQUEST[error.code] ?? [400, 'it is not HTTP'];
  const body = JSON.stringify(problem(invalid(problems, status).error, status, randomUUID()));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  error: CharlaError,
  status: number,
  errors?: FieldProblem[],
) {
  const body = problem(error, status, request.id, errors);
  // What fails before a route is found has been through no hook.
  reply.header('x-request-id', request.id);
  const { retryAfterSeconds = RETRY_AFTER_SECONDS } = error.fields;
  if (status === 503 || status === 429) reply.header('retry-after', retryAfterSeconds);
  if (status === 401) reply.header('www-authenticate', 'Bearer, ApiKey');
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer((value: unknown) => JSON.stringify(value))
    .send(body);
}

function problem(error: CharlaError, status: number, id: string, errors?: FieldProblem[]): ProblemDetails {
  return {
    type: `urn:charla:error:${error.code}`,
    title: error.title,
    status,
    detail: error.message,
    code: error.code,
    instance: `urn:charla:request:${id}`,
    ...(errors && { errors }),
  };
}

function toCatalogue(error: FastifyError | Error): {
  error: CharlaError;
  status: number;
  errors?: FieldProblem[];
} {
  if (error instanceof CharlaError) {
    const { path, reason } = error.fields;
    const isAboutField =
      error.code === 'CHARLA_DATA_TOOLS_INVALID' || error.code === 'CHARLA_PROFILE_INVALID';
    const errors = isAboutField
      ? [...(error.problems ?? [{ path: String(path), message: String(reason) }])]
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
      return { error: new CharlaError('CHARLA_MEDIA_TYPE_UNSUPPORTED'), status };
    case 'FST_ERR_BAD_URL':
      return invalid('its address is not well-formed');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return invalid('its address is too long');
  }
  if (status >= 400 && status < 500) return invalid(error.message, status);
  return { error: new CharlaError('CHARLA_INTERNAL', {}, { cause: error }), status: 500 };
}

function invalid(problems: string, status = 400) {
  return { error: new CharlaError('CHARLA_REQUEST_INVALID', { problems }), status };
}
