import { Script } from 'node:vm';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CharlaError } from '../../src/errors.ts';
import { checkDataTools, checkSchema, type DataToolsSchema } from '../../src/sessions/data-tools-schema.ts';
import { profileCheck } from '../../src/sessions/profile-check.ts';

const schema: DataToolsSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://shop.example/data-tools',
  type: 'object',
  required: ['user_context'],
  properties: {
    user_context: {
      type: 'object',
      required: ['name'],
      properties: {
        name: { type: 'string', minLength: 1 },
        email: { type: 'string', format: 'email' },
        tickets: { type: 'array', items: { $ref: '#/$defs/ticket' } },
      },
      additionalProperties: false,
    },
  },
  $defs: { ticket: { type: 'string', pattern: '^#\\d+$' } },
};

/** What a function throws. */
function thrown(run: () => void): CharlaError {
  try {
    run();
  } catch (error) {
    if (error instanceof CharlaError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('data tools with a schema', () => {
  it('are taken when they keep to it', () => {
    checkSchema(schema);
    checkDataTools(schema, {
      user_context: { name: 'Ana', email: 'ana@example.com', tickets: ['#1'] },
      cart: 1,
    });
  });

  it('are refused with all errors, each at its place', () => {
    const dataTools = { user_context: { email: 'ana', tickets: ['#1', 'x', 7], 'a/b': 1 } };
    const error = thrown(() => checkDataTools(schema, dataTools, '/data_tools'));
    expect(error.code).toBe('CHARLA_DATA_TOOLS_INVALID');
    expect(error.problems).toEqual([
      { path: '/data_tools/user_context/name', message: 'it is missing' },
      { path: '/data_tools/user_context/a~1b', message: 'it has to NOT have additional properties' },
      { path: '/data_tools/user_context/email', message: 'it has to match format "email"' },
      { path: '/data_tools/user_context/tickets/1', message: 'it has to match pattern "^#\\d+$"' },
      { path: '/data_tools/user_context/tickets/2', message: 'it has to be string' },
    ]);
    expect(error.message).toBe(
      'data_tools is not valid at «/data_tools/user_context/name»: it is missing, and 4 more errors.',
    );
  });

  it('are checked within a time, whatever the pattern', () => {
    const evil: DataToolsSchema = {
      type: 'object',
      properties: { a: { type: 'string', pattern: '^(a+)+$' } },
    };
    checkSchema(evil);
    const error = thrown(() => checkDataTools(evil, { a: `${'a'.repeat(40)}b` }));
    expect(error.problems).toEqual([
      { path: '/', message: 'it takes too long to check against the schema of the profile' },
    ]);
  });

  it.each([
    ['a person sends', true, 50],
    ['a server sends', false, 500],
  ])('that %s may keep the server busy so long: forPerson %s, %i ms', async (_, forPerson, limitMs) => {
    const runs = vi.spyOn(Script.prototype, 'runInContext');
    onTestFinished(() => runs.mockRestore());
    const settings = { data_tools_schema: schema };
    const getCached = async () => ({ name: 'shop', settings, revision: 1, updatedAt: new Date(0) });
    const check = await profileCheck({ getCached }, 'shop', { forPerson });
    check({ user_context: { name: 'Ana' } });
    expect(runs.mock.calls.map(([, options]) => options)).toEqual([{ timeout: limitMs }]);
  });

  it('are all refused by «false», and none by «true»', () => {
    checkDataTools(true, { a: 1 });
    expect(thrown(() => checkDataTools(false, {})).code).toBe('CHARLA_DATA_TOOLS_INVALID');
  });
});

describe('a schema', () => {
  const nested = (depth: number): DataToolsSchema =>
    depth === 0 ? { type: 'string' } : { type: 'object', properties: { a: nested(depth - 1) } };

  it.each<[string, DataToolsSchema, string]>([
    ['of a type that does not exist', { type: 'text' }, ''],
    ['with a word that JSON Schema does not know', { typ: 'string' }, ''],
    ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, ''],
    [
      'that refers to the network',
      { properties: { a: { $ref: 'https://evil.example/s.json' } } },
      '/properties/a/$ref',
    ],
    ['that refers to a file', { $dynamicRef: 'file:///etc/passwd' }, '/$dynamicRef'],
    ['that refers to what is not there', { $ref: '#/$defs/none' }, ''],
    ['that is asynchronous', { $async: true }, '/$async'],
    ['that refers to itself in a circle', { allOf: [{ $ref: '#' }] }, ''],
    ['with a pattern that is none', { type: 'string', pattern: '(' }, ''],
    ['with an unknown format', { type: 'string', format: 'colour' }, ''],
    ['that is too large', { description: 'x'.repeat(70_000) }, ''],
    ['that is too deep', nested(40), '/properties/a/properties/a/properties/a/properties/a'],
  ])('%s is refused', (_, bad, at) => {
    const error = thrown(() => checkSchema(bad));
    expect(error.code).toBe('CHARLA_PROFILE_INVALID');
    expect(error.fields.path).toBe(`/data_tools_schema${at}`);
  });
});
