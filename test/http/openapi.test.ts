import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance } from 'fastify';
import openapiTS, { type OpenAPI3 } from 'openapi-typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { PERMISSIONS } from '../../src/http/permissions.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { type ApiContract, apiContract, type Operation } from '../support/api-contract.ts';
import { buildTestServer } from '../support/test-server.ts';

/** Errors of the catalogue that no answer of the HTTP API has. */
const NOT_OVER_HTTP: readonly ErrorCode[] = [
  // Of commands, and of a server that does not start.
  'CHARLA_CHILD_FAILED',
  'CHARLA_CONFIG_INVALID',
  'CHARLA_LIVEKIT_NOT_INSTALLED',
  'CHARLA_NODE_TOO_OLD',
  'CHARLA_LIVEKIT_SIP_NOT_INSTALLED',
  'CHARLA_PORT_TAKEN',
  'CHARLA_REDIS_NOT_INSTALLED',
  'CHARLA_SIP_FILE_INVALID',
  'CHARLA_SIP_NEEDS_OWN_LIVEKIT',
  'CHARLA_SIP_NOT_FOUND',
  'CHARLA_STORE_DAMAGED',
  'CHARLA_STORE_LOCKED',
  'CHARLA_STORE_MIGRATION_FAILED',
  'CHARLA_STORE_NEWER',
  'CHARLA_STORE_OUTDATED',
  // Of models, for whom `charla inference` answers in the form of OpenAI, and of calls.
  'CHARLA_AUDIO_INVALID',
  'CHARLA_CALLS_FULL',
  'CHARLA_CARRIER_FAILED',
  'CHARLA_CONTEXT_TOO_LONG',
  'CHARLA_MODEL_FAILED',
  'CHARLA_MODEL_LOADING',
  'CHARLA_MODEL_QUEUE_FULL',
  'CHARLA_MODEL_UNAVAILABLE',
  'CHARLA_MODEL_UNKNOWN',
  'CHARLA_OLLAMA_MODEL',
  'CHARLA_OLLAMA_UNAVAILABLE',
  'CHARLA_PROVIDER_FAILED',
  'CHARLA_PROVIDER_TIMEOUT',
];
/** Routes of which OpenAPI has nothing to say: files, and WebSockets. */
const NOT_IN_DOCUMENT = [
  'GET /*',
  'GET /docs/*',
  'GET /api/v1/twilio/media-stream',
  'GET /api/v1/telnyx/media-stream',
];

const log = createLogger('test', 'silent');
let app: FastifyInstance;
let contract: ApiContract;
let document: Record<string, unknown>;

beforeAll(async () => {
  // As closed as in production: the document is for everybody there too.
  const env = {
    NODE_ENV: 'production',
    ADMIN_API_KEY: 'an-api-key-of-the-tests',
    LIVEKIT_API_KEY: 'key',
    LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
  };
  app = await buildTestServer({ config: loadConfig(env), log });
  document = (await app.inject('/openapi.json')).json();
  contract = apiContract(document);
});
afterAll(() => app.close());

describe('the API document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('has every route of the table of permissions, and no other', () => {
    const documented = contract.operations.map(
      ({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    );
    const wanted = Object.keys(PERMISSIONS).filter((route) => !NOT_IN_DOCUMENT.includes(route));
    expect(documented.toSorted()).toEqual(wanted.toSorted());
  });

  it('says of every operation what it is, and shows an example of what goes in and what comes out', () => {
    const tags = (document.tags as { name: string }[]).map(({ name }) => name);
    for (const operation of contract.operations) {
      const what = `${operation.method} ${operation.path}`;
      expect(operation.summary, what).toMatch(/^[A-Z].*[^.]$/);
      expect(tags, what).toEqual(expect.arrayContaining(operation.tags ?? ['none']));
      expect(lacksExample(operation), what).toEqual([]);
    }
  });

  it('gives every operation a name of its own', () => {
    const names = contract.operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has every error of the catalogue that an answer can have', () => {
    const codes = new Set(JSON.stringify(document).match(/CHARLA_[A-Z_]+/g));
    const missing = Object.keys(ERRORS).filter((code) => !codes.has(code));
    expect(missing.toSorted()).toEqual(NOT_OVER_HTTP.toSorted());
  });

  it('describes the errors of a route with their own sentences', () => {
    const responses = contract.operationOf('GET', '/session/x/data-tools')?.responses;
    const $ref = '#/components/examples/CHARLA_SESSION_NOT_FOUND';
    expect(responses?.[404]?.content?.['application/problem+json']?.examples).toMatchObject({
      CHARLA_SESSION_NOT_FOUND: { $ref },
    });
    const { title, status } = ERRORS.CHARLA_SESSION_NOT_FOUND;
    expect(document).toMatchObject({
      components: { examples: { CHARLA_SESSION_NOT_FOUND: { summary: title, value: { title, status } } } },
    });
  });
});

describe('the types of the page', () => {
  it('are those of the document («npx vitest run --project unit test/http/openapi -u» writes them)', async () => {
    const types = await openapiTS(withOneProblem(document));
    await expect(types).toMatchFileSnapshot('../../src/web/api/http-api.generated.d.ts');
  });
});

describe('the reader of the API document', () => {
  it('needs no key, and no exception from the security policy of the page', async () => {
    const page = await app.inject('/docs');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toBe(
      (await app.inject('/settings')).headers['content-security-policy'],
    );
    expect(page.headers['content-security-policy']).not.toContain('unsafe');
    expect(page.body).not.toMatch(/<script(?![^>]* src=)|<style|style=|on\w+=/);
  });

  it('names only files that are there', async () => {
    const { body } = await app.inject('/docs');
    const files = [...body.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file = '']) => file);
    expect(files.length).toBeGreaterThan(4);
    for (const file of [...files, '/docs/json']) expect((await app.inject(file)).statusCode, file).toBe(200);
  });
});

/** All problems have one form: for the page, one answer stands for them. */
function withOneProblem(whole: unknown): OpenAPI3 {
  const copy: OpenAPI3 = JSON.parse(JSON.stringify(whole));
  const problem = {
    description: 'A problem',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const item of Object.values(copy.paths ?? {})) {
    for (const operation of Object.values(item)) {
      const good = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
      operation.responses = { ...Object.fromEntries(good), default: problem };
    }
  }
  return copy;
}

/** Bodies, asked and answered, without an example. */
function lacksExample({ requestBody, responses }: Operation): string[] {
  const answers = Object.entries(responses).filter(([status]) => /^2/.test(status));
  expect(answers.length).toBeGreaterThan(0);
  const media = [
    ...Object.entries(requestBody?.content ?? {}),
    ...answers.flatMap(([, { content }]) => Object.entries(content ?? {})),
  ];
  return media.filter(([, one]) => !hasExample(one)).map(([type]) => type);
}

function hasExample(media: Readonly<Record<string, unknown>>): boolean {
  const schema = (media.schema ?? {}) as Record<string, unknown>;
  const named = contract.schemas[String(schema.$ref).replace('#/components/schemas/', '')];
  return [media, schema, named ?? {}].some((place) => 'example' in place || 'examples' in place);
}
