import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withAnswer, withLateData } from '../../src/http/hook-data.ts';
import type { DataTools } from '../../src/sessions/data-tools.ts';

const dataTools = fc.dictionary(
  fc.constantFrom('user_context', 'cart_data', 'app_data', 'toString'),
  fc.oneof(
    fc.integer(),
    fc.constant(null),
    fc.array(fc.integer()),
    fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.integer()),
  ),
) as fc.Arbitrary<DataTools>;

describe('data tools whose hook answered late', () => {
  it('are as the session would have begun, while nobody has changed them', () => {
    fc.assert(
      fc.property(dataTools, dataTools, (initial, late) => {
        expect(withLateData(initial, initial, late)).toEqual(late);
      }),
    );
  });

  it('keep each key that somebody changed meanwhile', () => {
    fc.assert(
      fc.property(dataTools, dataTools, fc.integer(), (initial, late, value) => {
        const changed = { ...initial, cart_data: { changed: value } };
        expect(withLateData(changed, initial, late)).toEqual({ ...late, cart_data: { changed: value } });
      }),
    );
  });

  it('keep what somebody removed meanwhile away', () => {
    const initial = { a: 1, b: 2 };
    expect(withLateData({ b: 2 }, initial, { a: 3, b: 4 })).toEqual({ b: 4 });
  });
});

it('data tools for which the hook was asked again have its keys, and keep the others', () => {
  expect(withAnswer({ a: { x: 1 }, b: 2 }, { a: { y: 1 }, c: 3 })).toEqual({ a: { y: 1 }, b: 2, c: 3 });
});
