import { describe, expect, it } from 'vitest';
import { en } from '../../src/web/i18n/en.ts';
import { es } from '../../src/web/i18n/es.ts';
import { describeDataToolsProblem, parseDataTools } from '../../src/web/state/data-tools.ts';
import { EXAMPLES, toEditorText } from '../../src/web/state/examples.ts';

function problemOf(text: string, messages = en): string {
  const result = parseDataTools(text);
  return result.ok ? 'valid' : describeDataToolsProblem(result.problem, messages);
}

describe('data tools in the editor', () => {
  it('reads an object', () => {
    expect(parseDataTools('{"cart_data": {"items": 2}}')).toEqual({
      ok: true,
      value: { cart_data: { items: 2 } },
    });
  });

  it.each([
    ['{"a": 1\n "b": 2}', 'Line 2, column 2: a comma is missing.'],
    ['{"a" 1}', 'Line 1, column 6: the colon is missing.'],
    ['{"a": }', 'Line 1, column 7: a value is expected here.'],
    ['{a: 1}', 'Line 1, column 2: this symbol is not JSON.'],
    ['{"a": "unfinished}', 'Line 1, column 7: the text is not closed properly.'],
    ['{"a": 1} // note', 'Line 1, column 10: JSON has no comments.'],
    ['{"a": [1, 2}', 'Line 1, column 12: a comma is missing.'],
    ['', 'Line 1, column 1: a value is expected here.'],
  ])('says where %j goes wrong', (text, sentence) => {
    expect(problemOf(text)).toBe(sentence);
  });

  it('says it in Spanish too', () => {
    expect(problemOf('{"a" 1}', es)).toBe('Línea 1, columna 6: faltan los dos puntos.');
  });

  it.each(['[1, 2]', '"text"', '3', 'null'])('refuses %s, which is no object', (text) => {
    expect(problemOf(text)).toBe(en.data.problem.notObject);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses the key %s at any depth', (key) => {
    expect(problemOf(`{"a": [{"${key}": 1}]}`)).toContain(key);
  });

  it('takes 32 levels and refuses 33', () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(problemOf(nested(32))).toBe('valid');
    expect(problemOf(nested(33))).toBe(en.data.problem.tooDeep);
  });

  it('refuses more than 256 KiB, counted in bytes', () => {
    expect(problemOf(JSON.stringify({ a: 'x'.repeat(200 * 1024) }))).toBe('valid');
    expect(problemOf(JSON.stringify({ a: 'ñ'.repeat(200 * 1024) }))).toContain('256 KiB');
  });

  it('finds each of the examples valid', () => {
    expect(EXAMPLES).toHaveLength(5);
    for (const { dataTools } of EXAMPLES) expect(problemOf(toEditorText(dataTools))).toBe('valid');
  });
});
