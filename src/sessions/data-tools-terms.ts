import { PRIVATE_KEY } from '../config/private-key.ts';
import type { DataTools, JsonValue } from './data-tools.ts';
import { plainText } from './plain-text.ts';

/** Whisper reads at most 224 tokens of prompt: forty short terms. */
const MAX_TERMS = 40;
const MAX_TERM_CHARS = 40;
const MAX_TERM_WORDS = 4;
/** Keys whose values nobody says aloud. */
const UNSPOKEN = new Set([
  PRIVATE_KEY,
  'element',
  'selector',
  'url',
  'href',
  'uuid',
  'session_id',
  'user_id',
  'token',
]);
const FIRST = ['user_context', 'cart_data', 'cart', 'tour_data', 'app_data'];

/**
 * Names and terms of the data tools that the caller is likely to say (names, products, ticket numbers, features), for
 * the prompt of speech recognition.
 *
 * @returns at most 40 distinct terms, well-known keys first, each one short line of at most 4 words
 */
export function dataToolsTerms(dataTools: DataTools): string[] {
  const known = FIRST.filter((key) => Object.hasOwn(dataTools, key));
  const rest = Object.keys(dataTools).filter((key) => !FIRST.includes(key));
  const terms = new Map<string, string>();
  for (const key of [...known, ...rest]) {
    if (!UNSPOKEN.has(key)) collect(dataTools[key], terms);
  }
  return [...terms.values()];
}

function collect(value: JsonValue | undefined, terms: Map<string, string>): void {
  if (terms.size >= MAX_TERMS || value === undefined || value === null) return;
  if (typeof value === 'string') {
    const term = plainText(value, MAX_TERM_CHARS + 1);
    if (isTerm(term) && !terms.has(term.toLocaleLowerCase())) terms.set(term.toLocaleLowerCase(), term);
  } else if (typeof value === 'object') {
    for (const [key, child] of Object.entries(value)) {
      if (!UNSPOKEN.has(key)) collect(child, terms);
    }
  }
}

function isTerm(text: string): boolean {
  return (
    text.length > 1 &&
    text.length <= MAX_TERM_CHARS &&
    text.split(' ').length <= MAX_TERM_WORDS &&
    /[\p{L}\p{N}]/u.test(text) &&
    !/^\w+:\/\/|@|^[\d.,:/-]+$/u.test(text)
  );
}
