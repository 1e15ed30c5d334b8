import type { GbnfJsonBasicSchema } from 'node-llama-cpp';
import type { JsonSchema } from './engine.ts';

/**
 * A JSON schema as node-llama-cpp's grammar understands it, which is a part of JSON Schema: what it has no word for
 * (`pattern`, `minimum`, …) is left out, `anyOf` becomes `oneOf`, the members of `allOf` are merged, and a schema that
 * says nothing allows a scalar. Every property that is named is written: small models forget the optional ones. The
 * result's type is the simplest that the library takes: its own types spell a schema out literal by literal.
 */
export function toGrammarSchema(schema: unknown): GbnfJsonBasicSchema {
  const converted = convert(isObject(schema) ? schema : {});
  const definitions = isObject(schema) ? (schema.$defs ?? schema.definitions) : undefined;
  if (!isObject(definitions)) return converted as unknown as GbnfJsonBasicSchema;
  return { ...converted, $defs: mapValues(definitions, convertAny) } as unknown as GbnfJsonBasicSchema;
}

function convert(schema: JsonSchema): JsonSchema {
  if (typeof schema.$ref === 'string') {
    return { $ref: schema.$ref.replace('#/definitions/', '#/$defs/') };
  }
  if ('const' in schema) return { const: schema.const };
  if (Array.isArray(schema.enum)) return { enum: schema.enum };
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices)) return { oneOf: choices.map(convertAny) };
  if (Array.isArray(schema.allOf)) return convert(merged(schema.allOf.filter(isObject)));
  const type = schema.type ?? (schema.properties === undefined ? undefined : 'object');
  if (Array.isArray(type)) {
    const simple = type.every((name) => name !== 'object' && name !== 'array');
    return simple ? { type } : { oneOf: type.map((name) => convert({ ...schema, type: name })) };
  }
  if (type === 'object') return convertObject(schema);
  if (type === 'array')
    return { type, items: convertAny(schema.items), ...only(schema, 'minItems', 'maxItems') };
  if (type === 'string') return { type, ...formatOf(schema), ...only(schema, 'minLength', 'maxLength') };
  return { type: type ?? ['string', 'number', 'boolean', 'null'] };
}

function convertObject(schema: JsonSchema): JsonSchema {
  const properties = isObject(schema.properties) ? mapValues(schema.properties, convertAny) : {};
  // An object of which nothing is said may hold anything.
  const open = schema.additionalProperties ?? Object.keys(properties).length === 0;
  return {
    type: 'object',
    properties,
    additionalProperties: typeof open === 'boolean' ? open : convertAny(open),
  };
}

function convertAny(schema: unknown): JsonSchema {
  return convert(isObject(schema) ? schema : {});
}

function formatOf(schema: JsonSchema): JsonSchema {
  const known = schema.format === 'date' || schema.format === 'time' || schema.format === 'date-time';
  return known ? { format: schema.format } : {};
}

function merged(schemas: JsonSchema[]): JsonSchema {
  const properties = schemas.map((schema) => (isObject(schema.properties) ? schema.properties : {}));
  return { ...Object.assign({}, ...schemas), properties: Object.assign({}, ...properties) };
}

function only(schema: JsonSchema, ...keys: string[]): JsonSchema {
  return Object.fromEntries(keys.filter((key) => key in schema).map((key) => [key, schema[key]]));
}

function mapValues(object: JsonSchema, change: (value: unknown) => JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
