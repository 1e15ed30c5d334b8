import { type JSONPath, type ParseError, parse, printParseErrorCode, visit } from 'jsonc-parser';
import type { Messages } from '../i18n/messages.ts';
import { format } from '../i18n/messages.ts';

/** What the integrator knows about the user: a free-form JSON object. */
export type DataTools = Record<string, unknown>;

/** Why a text is not valid data tools. `offset` counts characters from the start of the text. */
export type DataToolsProblem =
  | { kind: 'syntax'; reason: keyof Messages['data']['syntax']; offset: number; line: number; column: number }
  | { kind: 'forbiddenKey'; key: string; offset: number; line: number; column: number }
  | { kind: 'notObject' | 'tooDeep' }
  | { kind: 'tooLarge'; size: number };

export type DataToolsResult = { ok: true; value: DataTools } | { ok: false; problem: DataToolsProblem };

const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 32;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads what is in the editor, with the limits that the server has, so that a mistake is shown where it stands.
 *
 * @param text - JSON; lines and columns of a problem count from 1
 */
export function parseDataTools(text: string): DataToolsResult {
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > MAX_BYTES) return { ok: false, problem: { kind: 'tooLarge', size: Math.ceil(bytes / 1024) } };

  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first) {
    const reason = SYNTAX[printParseErrorCode(first.error)] ?? 'symbol';
    return {
      ok: false,
      problem: { kind: 'syntax', reason, offset: first.offset, ...at(text, first.offset) },
    };
  }
  const problem = findKeyOrDepth(text);
  if (problem) return { ok: false, problem };
  return isObject(value) ? { ok: true, value } : { ok: false, problem: { kind: 'notObject' } };
}

/** The problem as a sentence. */
export function describeDataToolsProblem(problem: DataToolsProblem, messages: Messages): string {
  const template = messages.data.problem[problem.kind];
  if (problem.kind === 'syntax') {
    return format(template, { ...problem, reason: messages.data.syntax[problem.reason] });
  }
  return format(template, problem);
}

/** By the names of jsonc-parser's error codes. */
const SYNTAX: Readonly<Record<string, keyof Messages['data']['syntax']>> = {
  ValueExpected: 'value',
  CommaExpected: 'comma',
  ColonExpected: 'colon',
  PropertyNameExpected: 'property',
  CloseBraceExpected: 'brace',
  CloseBracketExpected: 'bracket',
  EndOfFileExpected: 'end',
  InvalidNumberFormat: 'number',
  UnexpectedEndOfNumber: 'number',
  UnexpectedEndOfString: 'string',
  InvalidEscapeCharacter: 'string',
  InvalidUnicode: 'string',
  InvalidCharacter: 'string',
  InvalidCommentToken: 'comment',
  UnexpectedEndOfComment: 'comment',
};

function findKeyOrDepth(text: string): DataToolsProblem | undefined {
  let found: DataToolsProblem | undefined;
  const enter = (path: () => JSONPath) => {
    if (path().length >= MAX_DEPTH) found ??= { kind: 'tooDeep' };
  };
  visit(text, {
    onObjectBegin: (_offset, _length, _line, _column, path) => enter(path),
    onArrayBegin: (_offset, _length, _line, _column, path) => enter(path),
    onObjectProperty: (key, offset) => {
      if (FORBIDDEN_KEYS.has(key)) found ??= { kind: 'forbiddenKey', key, offset, ...at(text, offset) };
    },
  });
  return found;
}

function at(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function isObject(value: unknown): value is DataTools {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
