import type { z } from 'zod';
import { CharlaError } from '../errors.ts';
import { pointerOf } from './json-pointer.ts';

/** Largest data tools, in bytes of their JSON. */
export const MAX_DATA_TOOLS_BYTES = 256 * 1024;
/** Deepest nesting of objects and arrays; the data tools themselves are level 1. */
export const MAX_DATA_TOOLS_DEPTH = 32;

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export type JsonValue = z.core.util.JSONType;
/** What the integrator knows about the user: a free-form JSON object. */
export type DataTools = { [key: string]: JsonValue };

/**
 * Checks data tools that came from outside.
 *
 * @param value - what the client sent, already parsed from JSON
 * @param at - JSON Pointer (RFC 6901) of `value` in the client's document; error paths start with it
 * @throws CharlaError `CHARLA_DATA_TOOLS_INVALID` (not an object, too deep, a forbidden key) with the field `path`,
 *   `CHARLA_DATA_TOOLS_TOO_LARGE`
 */
export function parseDataTools(value: unknown, at = ''): DataTools {
  const checked = parsePatch(value, at);
  const size = Buffer.byteLength(JSON.stringify(checked));
  if (size > MAX_DATA_TOOLS_BYTES) {
    throw new CharlaError('CHARLA_DATA_TOOLS_TOO_LARGE', { size, limit: MAX_DATA_TOOLS_BYTES });
  }
  return checked;
}

/**
 * Applies a JSON Merge Patch (RFC 7396): `null` deletes a key, objects merge, everything else replaces.
 *
 * @param current - is not changed
 * @param patch - what the client sent, already parsed from JSON
 * @throws CharlaError as {@link parseDataTools}, for the patch and for the result
 */
export function mergeDataTools(current: DataTools, patch: unknown, at = ''): DataTools {
  return parseDataTools(merged(current, parsePatch(patch, at)), at);
}

/**
 * Section 2 of RFC 7396 on values already checked. Ours because npm's `json-merge-patch` fails on data that has a key
 * `hasOwnProperty`.
 */
function merged(target: JsonValue | undefined, patch: DataTools): DataTools {
  const result: DataTools = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merged(result[key], value) : value;
  }
  return result;
}

/** Walks without recursion, so that no depth of nesting can overflow the stack. */
function parsePatch(value: unknown, at: string): DataTools {
  if (!isObject(value)) throw invalid(at, 'it has to be a JSON object');
  const open: Array<{ node: object; path: string; depth: number }> = [{ node: value, path: at, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, path, depth } = next;
    if (depth > MAX_DATA_TOOLS_DEPTH) {
      throw invalid(path, `it is nested deeper than ${MAX_DATA_TOOLS_DEPTH} levels`);
    }
    for (const [key, child] of Object.entries(node)) {
      const childPath = `${path}${pointerOf([key])}`;
      if (!Array.isArray(node) && FORBIDDEN_KEYS.has(key)) {
        throw invalid(childPath, 'keys of this name are not allowed');
      }
      if (typeof child === 'object' && child !== null) {
        open.push({ node: child, path: childPath, depth: depth + 1 });
      } else if (!isJsonScalar(child)) {
        throw invalid(childPath, 'it is not a JSON value');
      }
    }
  }
  return value;
}

function isObject(value: unknown): value is DataTools {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isJsonScalar(value: unknown): boolean {
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}

function invalid(path: string, reason: string): CharlaError {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return new CharlaError('CHARLA_DATA_TOOLS_INVALID', { path: shown === '' ? '/' : shown, reason });
}
