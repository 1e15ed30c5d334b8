import { readFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { howToCall, permissionOf, type Role } from '../permissions.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** Errors of this route, besides those that every route of its kind may give. */
    problems?: readonly ErrorCode[];
    /** Headers of its answers: status → name → what it says. */
    responseHeaders?: Readonly<Record<number, Readonly<Record<string, string>>>>;
  }
}

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')));

const PROBLEM_REF = '#/components/schemas/Problem';
const COMPONENT_REF = /"\$ref":"#\/components\/schemas\/([^"/]+)"/g;

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'Of a server: ADMIN_API_KEY, or one of API_KEYS (which may come as a bearer token too).',
  },
  sessionToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The token that POST /session/start answered: this session only, without what is private.',
  },
  agentToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The token of an agent in a call. Workers make their own.',
  },
  userToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      "A user's token from the integrator (AUTH_JWKS_URL or AUTH_SECRET): their own sessions only.",
  },
} as const;

/** What a caller of a role shows, in the order of the document. */
const SECURITY = [
  ['key', { apiKey: [] }],
  ['participant', { sessionToken: [] }],
  ['user', { userToken: [] }],
  ['agent', { agentToken: [] }],
] as const;

const TAGS = [
  { name: 'sessions', description: 'Conversations: start them, see them, end them.' },
  { name: 'data tools', description: 'What the agent knows about the user. Changes reach a running call.' },
  { name: 'calls', description: 'What happened: who said what, how long it took, what it used.' },
  { name: 'telephone', description: 'What carriers call, and nobody else can.' },
  { name: 'profiles', description: 'What a kind of conversation is like.' },
  { name: 'page', description: "What the page asks for, and the example of an integrator's hook." },
  { name: 'operation', description: 'Health, metrics, this document.' },
];

const DESCRIPTION = `Realtime voice agents on LiveKit. Every error is a problem in the form of RFC 9457 with a stable
\`code\`; \`detail\` says what to do. Times are ISO 8601 in UTC. Lists come in pages: send \`next\` back as \`cursor\`.
Any path that is not here answers 404 \`CHARLA_NOT_FOUND\`.`;

/**
 * OpenAPI 3.1 out of the schemas of all routes that are registered after it: `app.swagger()`, once the server is ready.
 * Who may call a route is taken from `permissions.ts`; the codes of errors become answers.
 */
export const apiDocument = fastifyPlugin(async (app: FastifyInstance) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Charla', version, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      servers: [{ url: '/', description: 'The server that this document comes from' }],
      tags: TAGS,
      components: {
        securitySchemes: SECURITY_SCHEMES,
        examples: Object.fromEntries(Object.entries(ERRORS).map(problemExample)),
      },
    },
    convertConstToEnum: false,
    transform: documentRoute,
    transformObject: finish,
  });
});

const toJsonSchema = createJsonSchemaTransform({});

const documentRoute: SwaggerTransform = (given) => {
  const { url, route } = given;
  // A route without any schema has none here, whatever the type says.
  const { problems = [], responseHeaders = {}, ...own } = given.schema ?? {};
  if (own.hide === true) return { schema: { hide: true }, url };
  const allowed = [...new Set([route.method].flat().flatMap((method) => permissionOf(method, url)))];
  const isOpen = allowed.includes('anyone');
  const schema = {
    ...own,
    security: isOpen
      ? []
      : SECURITY.filter(([role]) => role === 'key' || allowed.includes(role)).map(([, scheme]) => scheme),
    description: [own.description, isOpen ? undefined : `Needs ${howToCall(allowed)}.`]
      .filter(Boolean)
      .join(' '),
  };
  const shown = toJsonSchema({ ...given, schema });
  const codes = new Set([...commonProblems(route, allowed), ...problems]);
  const answers = z.record(z.string(), z.looseObject({})).parse(shown.schema.response ?? {});
  const response = described(answers, responseHeaders);
  return { url, schema: { ...shown.schema, response: { ...response, ...problemAnswers([...codes]) } } };
};

/** What follows from the kind of a route. */
function commonProblems({ method, schema }: RouteOptions, allowed: readonly Role[]): ErrorCode[] {
  const takesBody = method !== 'GET';
  const takesInput = takesBody || [schema?.params, schema?.querystring, schema?.headers].some(Boolean);
  return [
    ...(takesInput ? (['CHARLA_REQUEST_INVALID'] as const) : []),
    // For a parameter that is longer than any name is.
    ...(schema?.params === undefined ? [] : (['CHARLA_NOT_FOUND'] as const)),
    ...(takesBody ? (['CHARLA_BODY_TOO_LARGE', 'CHARLA_MEDIA_TYPE_UNSUPPORTED'] as const) : []),
    ...(allowed.includes('anyone')
      ? []
      : (['CHARLA_UNAUTHORIZED', 'CHARLA_FORBIDDEN', 'CHARLA_AUTH_UNAVAILABLE'] as const)),
    'CHARLA_HOST_REFUSED',
    'CHARLA_RATE_LIMITED',
    'CHARLA_INTERNAL',
  ];
}

function described(
  response: Record<string, Record<string, unknown>>,
  headers: NonNullable<FastifySchema['responseHeaders']>,
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(response).map(([status, answer]) => {
      const own = Object.entries(headers[Number(status)] ?? {}).map(([name, description]) => [
        name,
        { type: 'string', description },
      ]);
      const description = answer.description ?? STATUS_CODES[status];
      return [
        status,
        { ...answer, description, ...(own.length > 0 && { headers: Object.fromEntries(own) }) },
      ];
    }),
  );
}

/** One answer for each status, with an example for each code. */
function problemAnswers(codes: readonly ErrorCode[]) {
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))];
  return Object.fromEntries(
    statuses.map((status) => {
      const own = codes.filter((code) => ERRORS[code].status === status);
      const schema = {
        allOf: [{ $ref: PROBLEM_REF }],
        type: 'object',
        properties: { status: { const: status }, code: { enum: own } },
      };
      const examples = Object.fromEntries(
        own.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
      );
      const answer = {
        description: own.map((code) => ERRORS[code].title).join(' · '),
        content: { 'application/problem+json': { schema, examples } },
        ...([429, 503].includes(status) && {
          headers: { 'retry-after': { type: 'integer', description: 'When to come back, in seconds.' } },
        }),
      };
      return [status, answer];
    }),
  );
}

function problemExample([code, { status, title, detail }]: [string, (typeof ERRORS)[ErrorCode]]) {
  const value = {
    type: `urn:charla:error:${code}`,
    title,
    status,
    detail: detail.replace(/\{\w+\}/g, '…'),
    code,
    instance: 'urn:charla:request:9b1c3c55-4a43-4fc2-8a6b-3c0e0f6b6c11',
  };
  return [code, { summary: title, value }];
}

/** Gives operations their names, and leaves out what nobody needs to read. */
const finish: SwaggerTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given);
  if (!('openapi' in document)) return document;
  const { paths = {}, components } = document;
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item ?? {})) {
      if (typeof operation === 'object' && 'responses' in operation) {
        // A route of several methods has one schema, and each of its operations a name of its own.
        Object.assign(item ?? {}, { [method]: { operationId: operationId(method, path), ...operation } });
      }
    }
  }
  return Object.assign(
    document,
    withPlainNames({ paths, schemas: { ...components?.schemas } }, { ...components }),
  );
};

/** `GET /session/{id}/data-tools`: `getSessionByIdDataTools`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/\{(\w+)\}/g, 'by-$1').match(/[a-z0-9]+/gi) ?? [];
  return [method, ...words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)].join('');
}

/**
 * Each named schema comes in two forms, for answers and, as `…Input`, for requests. Where these do not differ, or only one
 * is used, the plain name is enough; what nothing refers to is left out.
 */
function withPlainNames(
  { paths, schemas }: { paths: unknown; schemas: Record<string, unknown> },
  components: { examples?: object },
) {
  const all = usedSchemas(paths, schemas);
  const renamed = new Map<string, string>();
  for (const input of all) {
    const name = input.replace(/Input$/, '');
    const isSame = JSON.stringify(schemas[input]) === JSON.stringify(schemas[name]);
    if (name !== input && (isSame || !all.has(name))) renamed.set(input, name);
  }
  const used = [...all].filter((name) => !renamed.has(name) || !all.has(renamed.get(name) ?? name));
  const named = Object.fromEntries(used.map((name) => [renamed.get(name) ?? name, schemas[name]]));
  const codes: readonly string[] = `${DESCRIPTION}${JSON.stringify(paths)}`.match(/CHARLA_[A-Z_]+/g) ?? [];
  const examples = Object.entries({ ...components.examples }).filter(([code]) => codes.includes(code));
  const text = JSON.stringify({
    paths,
    components: { ...components, schemas: named, examples: Object.fromEntries(examples) },
  });
  const plain: object = JSON.parse(
    text.replace(COMPONENT_REF, (ref, name: string) => ref.replace(name, renamed.get(name) ?? name)),
    withoutNoise,
  );
  return plain;
}

/** What zod adds to every integer and to every time. */
function withoutNoise(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('minimum' in value && value.minimum === Number.MIN_SAFE_INTEGER) delete value.minimum;
  if ('maximum' in value && value.maximum === Number.MAX_SAFE_INTEGER) delete value.maximum;
  if ('format' in value && 'pattern' in value && value.format === 'date-time') delete value.pattern;
  return value;
}

/** The names that something refers to, from the paths on. */
function usedSchemas(paths: unknown, schemas: Readonly<Record<string, unknown>>): Set<string> {
  const used = new Set<string>();
  const visit = (part: unknown) => {
    for (const [, name = ''] of JSON.stringify(part ?? {}).matchAll(COMPONENT_REF)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(paths);
  return used;
}
