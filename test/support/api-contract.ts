import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';

const answerSchema = z.object({
  description: z.string(),
  content: z.record(z.string(), z.looseObject({ schema: z.unknown() })).optional(),
});
const parameterSchema = z.looseObject({
  in: z.enum(['path', 'query', 'header']),
  name: z.string(),
  required: z.boolean().optional(),
  schema: z.looseObject({}),
});
const operationSchema = z.looseObject({
  operationId: z.string(),
  summary: z.string().optional(),
  tags: z.array(z.string()).optional(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z.array(parameterSchema).default([]),
  requestBody: z
    .object({ content: z.record(z.string(), z.looseObject({ schema: z.looseObject({}) })) })
    .optional(),
  responses: z.record(z.string(), answerSchema),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});

/** One operation of an OpenAPI document. */
export interface Operation extends z.output<typeof operationSchema> {
  /** Upper case. */
  method: string;
  /** With `{…}` for its parameters. */
  path: string;
}

/** A request and what came back. */
export interface Exchange {
  method: string;
  /** With its query, or without. */
  url: string;
  status: number;
  contentType: string | undefined;
  body: string;
}

/** What an OpenAPI 3.1 document promises. */
export interface ApiContract {
  readonly operations: readonly Operation[];
  readonly schemas: Readonly<Record<string, Record<string, unknown>>>;
  operationOf(method: string, url: string): Operation | undefined;
  /** What is wrong with an answer, as a sentence; undefined for one that is as promised, or that nothing is promised of. */
  breach(exchange: Exchange): string | undefined;
}

/** @param document - of OpenAPI 3.1, as `app.swagger()` gives it */
export function apiContract(document: unknown): ApiContract {
  const { paths, components } = documentSchema.parse(document);
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const byPath = operations
    .map((operation) => ({ operation, pattern: patternOf(operation.path) }))
    // A path without parameters goes before one that fits it with some.
    .sort((a, b) => a.operation.path.split('{').length - b.operation.path.split('{').length);

  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'charla', ...documentSchema.parse(document) }, 'charla', false, false);
  const validators = new Map<string, ValidateFunction>();
  const validate = (pointer: readonly string[], value: unknown): string | undefined => {
    const $ref = `charla#/${pointer.map(escaped).join('/')}`;
    const validator = validators.get($ref) ?? ajv.compile({ $ref });
    validators.set($ref, validator);
    return validator(value) ? undefined : ajv.errorsText(validator.errors, { dataVar: 'body' });
  };

  const operationOf = (method: string, url: string) => {
    const path = url.split('?', 1)[0] ?? '/';
    return byPath.find(({ operation, pattern }) => operation.method === method && pattern.test(path))
      ?.operation;
  };

  const breach = ({ method, url, status, contentType, body }: Exchange): string | undefined => {
    const type = contentType?.split(';', 1)[0]?.trim() ?? '';
    const isProblem = type === 'application/problem+json';
    const operation = operationOf(method, url);
    if (operation === undefined) {
      if (status < 400 || method === 'HEAD') return undefined;
      return isProblem ? validate(['components', 'schemas', 'Problem'], JSON.parse(body)) : undefined;
    }
    const answer = operation.responses[status];
    if (answer === undefined) {
      const code = isProblem ? ` ${z.object({ code: z.string() }).parse(JSON.parse(body)).code}` : '';
      return `the schema of the route has no answer ${status}${code} (see «problems» in src/http/plugins/api-document.ts)`;
    }
    if (answer.content === undefined)
      return body === '' ? undefined : `the answer ${status} is to have no body`;
    if (answer.content[type] === undefined) return `the answer ${status} is not to be of type «${type}»`;
    if (!type.endsWith('json')) return undefined;
    const { method: lower, path } = { method: method.toLowerCase(), path: operation.path };
    return validate(
      ['paths', path, lower, 'responses', String(status), 'content', type, 'schema'],
      JSON.parse(body),
    );
  };

  return {
    operations,
    schemas: components.schemas,
    operationOf,
    breach(exchange) {
      const wrong = breach(exchange);
      return wrong === undefined
        ? undefined
        : `${exchange.method} ${exchange.url} answered ${exchange.status}: ${wrong}\n${exchange.body.slice(0, 500)}`;
    },
  };
}

function patternOf(path: string): RegExp {
  const parts = path.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]+')}/?$`);
}

/** A step of a JSON Pointer (RFC 6901) in a URI. */
function escaped(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));
}
