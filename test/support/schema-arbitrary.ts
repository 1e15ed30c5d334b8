import fc from 'fast-check';

type Schema = Readonly<Record<string, unknown>>;
type Schemas = Readonly<Record<string, Schema>>;

const DEEPEST = 4;
const LONGEST_TEXT = 300;

/** Values that programs stumble over. */
const NASTY: readonly unknown[] = [
  null,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202eevil\u2066',
  '💥'.repeat(200),
  'a'.repeat(5_000),
  "' or 1=1; drop table sessions; --",
  '../../../../etc/passwd',
  '<script>alert(1)</script>',
  '{{constructor.constructor("return process")()}}',
  '%00%ff%',
  'null',
  -1,
  0.1,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  -2_147_483_649,
  true,
  [],
  {},
  JSON.parse('{"__proto__": {"admin": true}}'),
  JSON.parse('{"constructor": {"prototype": {"admin": true}}}'),
  Array.from({ length: 300 }, (_, index) => index),
  Array.from({ length: 60 }).reduce((inside) => [inside], {}),
];

/** Anything that JSON can say. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/**
 * Values of a JSON Schema as zod writes it (draft 2020-12), about; a pattern that cannot be drawn from is left to chance.
 *
 * @param schemas - what `#/components/schemas/…` refers to
 */
export function arbitraryOf(schema: Schema, schemas: Schemas, depth = 0): fc.Arbitrary<unknown> {
  const inside = (part: unknown) => arbitraryOf(asSchema(part), schemas, depth + 1);
  const list = (key: string) => (Array.isArray(schema[key]) ? (schema[key] as unknown[]) : undefined);
  if (depth > DEEPEST) return fc.constant(null);
  if (typeof schema.$ref === 'string') {
    return inside(schemas[schema.$ref.replace('#/components/schemas/', '')] ?? {});
  }
  const given = [...(list('examples') ?? []), ...('example' in schema ? [schema.example] : [])];
  if (given.length > 0) {
    const { examples: _examples, example: _example, ...rest } = schema;
    return fc.oneof(fc.constantFrom(...given), arbitraryOf(rest, schemas, depth));
  }
  if ('const' in schema) return fc.constant(schema.const);
  const values = list('enum');
  if (values !== undefined) return fc.constantFrom(...values);
  const choices = list('anyOf') ?? list('oneOf');
  if (choices !== undefined) return fc.oneof(...choices.map(inside));
  const all = list('allOf');
  if (all !== undefined) return inside(Object.assign({}, schema, { allOf: undefined }, ...all));
  const types = list('type');
  if (types !== undefined) return fc.oneof(...types.map((type) => inside({ ...schema, type })));
  switch (schema.type) {
    case 'string':
      return text(schema);
    case 'integer':
      return fc.integer({ min: number(schema.minimum, -1_000), max: number(schema.maximum, 100_000) });
    case 'number':
      return fc.double({
        min: number(schema.minimum, -1e6),
        max: number(schema.maximum, 1e6),
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array': {
      const minLength = number(schema.minItems, 0);
      return fc.array(inside(schema.items), {
        minLength,
        maxLength: Math.max(minLength, Math.min(number(schema.maxItems, 4), 4)),
      });
    }
    case 'object':
      return object(schema, inside);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** A value with, now and then, something in it put in the place of something else, or left out. */
export function spoilt(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.nat(100), fc.array(fc.nat(20), { maxLength: 4 }), junk)
    .map(([whole, luck, way, bad]) => {
      if (luck < 50) return whole;
      return luck < 60 ? bad : replaced(whole, way, luck < 70 ? undefined : bad);
    });
}

function replaced(value: unknown, [step, ...way]: readonly number[], bad: unknown): unknown {
  if (step === undefined || typeof value !== 'object' || value === null) return bad;
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return bad;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value };
  Object.defineProperty(copy, key, {
    value: replaced((value as Record<string, unknown>)[key], way, bad),
    enumerable: true,
  });
  return copy;
}

function object(schema: Schema, inside: (part: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = Object.entries(asSchema(schema.properties));
  const required = Array.isArray(schema.required) ? schema.required : [];
  const known = fc.record(Object.fromEntries(properties.map(([name, part]) => [name, inside(part)])), {
    requiredKeys: properties.map(([name]) => name).filter((name) => required.includes(name)),
    noNullPrototype: true,
  });
  if (schema.additionalProperties === false || schema.additionalProperties === undefined) return known;
  const more = fc.dictionary(fc.string({ maxLength: 20 }), inside(schema.additionalProperties), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  return fc.tuple(more, known).map(([others, own]) => ({ ...others, ...own }));
}

function text(schema: Schema): fc.Arbitrary<string> {
  const minLength = number(schema.minLength, 0);
  const maxLength = Math.max(minLength, Math.min(number(schema.maxLength, LONGEST_TEXT), LONGEST_TEXT));
  const free = fc.string({ minLength, maxLength, unit: 'grapheme' });
  if (schema.format === 'date-time') {
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
      .map((date) => date.toISOString());
  }
  if (schema.format === 'uuid') return fc.uuid();
  if (schema.format === 'uri') return fc.webUrl();
  if (typeof schema.pattern !== 'string') return free;
  try {
    return fc.oneof(fc.stringMatching(new RegExp(schema.pattern, 'u')), fc.string({ minLength, maxLength }));
  } catch {
    return free;
  }
}

function asSchema(part: unknown): Schema {
  return typeof part === 'object' && part !== null ? (part as Schema) : {};
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
