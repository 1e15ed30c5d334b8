import { createContext, Script } from 'node:vm';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { LRUCache } from 'lru-cache';
import { CharlaError, messageOf } from '../errors.ts';
import type { DataTools } from './data-tools.ts';
import { pointerOf } from './json-pointer.ts';
import type { ProfileSettings } from './profile.ts';

export type DataToolsSchema = NonNullable<ProfileSettings['data_tools_schema']>;

const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_SCHEMA_DEPTH = 64;
/** Most errors that one answer lists. */
const MAX_ERRORS = 100;
/** For one document, ms: a pattern or a reference that takes longer goes round in circles. Nothing else is done meanwhile. */
const CHECK_LIMIT_MS = 500;
const MAX_COMPILED = 200;

const compiled = new LRUCache<string, ValidateFunction>({ max: MAX_COMPILED });

/**
 * Checks data tools against a profile's JSON Schema.
 *
 * @param at - JSON Pointer of the data tools in the client's document; error paths start with it
 * @param limitMs - data tools whose check takes longer are refused
 * @throws CharlaError `CHARLA_DATA_TOOLS_INVALID`, with every error of it as `problems`
 */
export function checkDataTools(
  schema: DataToolsSchema,
  dataTools: DataTools,
  at = '',
  limitMs = CHECK_LIMIT_MS,
): void {
  const validate = compile(schema);
  const outcome = withinLimit(limitMs, () => (validate(dataTools) ? [] : [...(validate.errors ?? [])]));
  const problems =
    outcome === undefined
      ? [
          {
            path: at === '' ? '/' : at,
            message: 'it takes too long to check against the schema of the profile',
          },
        ]
      : outcome.slice(0, MAX_ERRORS).map((error) => problemOf(error, at));
  const [first] = problems;
  if (first === undefined) return;
  const others = problems.length - 1;
  const more = others === 0 ? '' : `, and ${others} more ${others === 1 ? 'error' : 'errors'}`;
  throw new CharlaError(
    'CHARLA_DATA_TOOLS_INVALID',
    { path: first.path, reason: `${first.message}${more}` },
    { problems },
  );
}

/**
 * Checks a schema before it is kept: JSON Schema 2020-12 that compiles, is small, and refers to nothing outside of itself.
 *
 * @throws CharlaError `CHARLA_PROFILE_INVALID`
 */
export function checkSchema(schema: DataToolsSchema): void {
  const size = Buffer.byteLength(JSON.stringify(schema));
  if (size > MAX_SCHEMA_BYTES) {
    throw invalid('', `it takes ${size} bytes as JSON; the limit is ${MAX_SCHEMA_BYTES}`);
  }
  checkParts(schema);
  let validate: ValidateFunction;
  try {
    validate = compile(schema);
  } catch (error) {
    throw invalid('', messageOf(error));
  }
  try {
    if (withinLimit(CHECK_LIMIT_MS, () => validate({})) !== undefined) return;
  } catch {
    // A reference that goes round in circles is deeper than any stack.
  }
  throw invalid('', 'checking an empty object against it does not end');
}

/** Without recursion, so that no depth can overflow the stack. */
function checkParts(schema: DataToolsSchema): void {
  const open: { value: unknown; path: readonly string[] }[] = [{ value: schema, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (path.length > MAX_SCHEMA_DEPTH) throw invalid(pointerOf(path.slice(0, 8)), 'it is nested too deep');
    for (const [key, child] of Object.entries(value)) {
      const at = [...path, key];
      if ((key === '$ref' || key === '$dynamicRef') && typeof child === 'string' && !child.startsWith('#')) {
        throw invalid(pointerOf(at), 'references have to stay in the schema: they begin with «#»');
      }
      if (key === '$async' && child === true) throw invalid(pointerOf(at), 'it may not be asynchronous');
      open.push({ value: child, path: at });
    }
  }
}

function compile(schema: DataToolsSchema): ValidateFunction {
  const key = JSON.stringify(schema);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  // One for each schema: two that have the same `$id` do not meet.
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
  });
  // The fast ones are without the patterns that can be made to run for ever.
  addFormats.default(ajv, { mode: 'fast' });
  const validate = ajv.compile(schema);
  compiled.set(key, validate);
  return validate;
}

const clock = createContext({ run: () => undefined as unknown }) as { run: () => unknown };
const call = new Script('run()');

/**
 * What a function returns; undefined when it takes longer than `limitMs`. The limit of `node:vm` ends
 * patterns that backtrack without end too, whatever they are.
 */
function withinLimit<T>(limitMs: number, run: () => T): T | undefined {
  let result: T | undefined;
  clock.run = () => {
    result = run();
  };
  try {
    call.runInContext(clock, { timeout: limitMs });
  } catch (error) {
    // Of the context's own Error, which is another than ours.
    const isError = typeof error === 'object' && error !== null && 'code' in error;
    if (isError && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
  return result;
}

/** At the field that is missing or one too many, where it is about one. */
function problemOf(
  { instancePath, params, message }: ErrorObject,
  at: string,
): { path: string; message: string } {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params as Record<string, unknown>;
  const field = [missingProperty, additionalProperty, unevaluatedProperty].find(
    (name) => typeof name === 'string',
  );
  const path = `${at}${instancePath}${typeof field === 'string' ? pointerOf([field]) : ''}`;
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  const what = missingProperty === undefined ? (message ?? 'is not valid') : 'is missing';
  return { path: shown === '' ? '/' : shown, message: `it ${what}`.replace(/^it must /u, 'it has to ') };
}

function invalid(path: string, reason: string): CharlaError {
  return new CharlaError('CHARLA_PROFILE_INVALID', { path: `/data_tools_schema${path}`, reason });
}
