import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CharlaError } from '../../src/errors.ts';
import {
  type DataTools,
  MAX_DATA_TOOLS_BYTES,
  mergeDataTools,
  parseDataTools,
} from '../../src/sessions/data-tools.ts';

function problem(run: () => unknown): { code: string; path: unknown } | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CharlaError) return { code: error.code, path: error.fields.path };
    throw error;
  }
  return undefined;
}

function nested(levels: number): DataTools {
  let value: DataTools = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

describe('data tools from outside', () => {
  it('are taken as they are when they are a JSON object', () => {
    const value = { user_context: { name: 'Ana', tickets: ['#1234', 2, null, true] } };
    expect(parseDataTools(value)).toEqual(value);
  });

  it.each([[null], [[]], ['text'], [7], [undefined]])('are refused when they are %j', (value) => {
    expect(problem(() => parseDataTools(value, '/data_tools'))).toEqual({
      code: 'CHARLA_DATA_TOOLS_INVALID',
      path: '/data_tools',
    });
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'are refused with a key %s, naming where it is',
    (key) => {
      const value: unknown = JSON.parse(`{"a":[{"b/c":{"${key}":{"admin":true}}}]}`);
      expect(problem(() => parseDataTools(value))).toEqual({
        code: 'CHARLA_DATA_TOOLS_INVALID',
        path: `/a/0/b~1c/${key}`,
      });
    },
  );

  it('may be 32 levels deep, not 33, and a hundred thousand do not overflow the stack', () => {
    expect(problem(() => parseDataTools(nested(32)))).toBeUndefined();
    expect(problem(() => parseDataTools(nested(33)))?.code).toBe('CHARLA_DATA_TOOLS_INVALID');
    expect(problem(() => parseDataTools(nested(100_000)))?.code).toBe('CHARLA_DATA_TOOLS_INVALID');
  });

  it('may take 256 KiB as JSON, not a byte more', () => {
    const empty = JSON.stringify({ text: '' }).length;
    expect(problem(() => parseDataTools({ text: 'x'.repeat(MAX_DATA_TOOLS_BYTES - empty) }))).toBeUndefined();
    expect(problem(() => parseDataTools({ text: 'x'.repeat(MAX_DATA_TOOLS_BYTES - empty + 1) }))?.code).toBe(
      'CHARLA_DATA_TOOLS_TOO_LARGE',
    );
  });
});

describe('a merge patch', () => {
  // The table of RFC 7396, appendix A, where both sides are objects.
  it.each<[DataTools, DataTools, DataTools]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ hasOwnProperty: 1, a: 1 }, { a: null }, { hasOwnProperty: 1 }],
  ])('of %j with %j is %j', (current, patch, expected) => {
    const before = structuredClone(current);
    expect(mergeDataTools(current, patch)).toEqual(expected);
    expect(current).toEqual(before);
  });

  it('cannot bring in what data tools may not be', () => {
    expect(problem(() => mergeDataTools({}, []))?.code).toBe('CHARLA_DATA_TOOLS_INVALID');
    expect(problem(() => mergeDataTools({}, JSON.parse('{"a":{"__proto__":{}}}')))?.path).toBe(
      '/a/__proto__',
    );
    const half = 'x'.repeat(MAX_DATA_TOOLS_BYTES / 2);
    expect(problem(() => mergeDataTools({ a: half }, { b: half }))?.code).toBe('CHARLA_DATA_TOOLS_TOO_LARGE');
  });

  it('applied twice is the same as once', () => {
    const json = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue());
    fc.assert(
      fc.property(json, json, (current, patch) => {
        fc.pre(
          problem(() => parseDataTools(current)) === undefined &&
            problem(() => parseDataTools(patch)) === undefined,
        );
        const once = mergeDataTools(current as DataTools, patch);
        expect(mergeDataTools(once, patch)).toEqual(once);
      }),
    );
  });
});
