import type { Language } from '../config/config.ts';

/** Letters of a word that its first token takes, and that each further one does. */
const LETTERS: Readonly<Record<Language, { first: number; further: number }>> = {
  es: { first: 4, further: 4 },
  en: { first: 5, further: 4 },
};

/**
 * About how many tokens a text takes: no tokenizer is at hand for models behind an endpoint, and a budget only needs not
 * to be passed. Words by their length, which costs more in Spanish than in English; digits and signs one by one, as the
 * tokenizers of Qwen, Llama and Gemma take them. `test/sessions/estimate-tokens.test.ts` holds it to a real one: never
 * more than a tenth below it.
 */
export function estimateTokens(text: string, language: Language): number {
  const { first, further } = LETTERS[language];
  let tokens = 0;
  for (const [piece] of text.matchAll(/[\p{L}\p{M}]+|\n|[^\s\p{L}\p{M}]/gu)) {
    tokens += /^\p{L}/u.test(piece) ? 1 + Math.max(0, Math.ceil((piece.length - first) / further)) : 1;
  }
  return tokens;
}

/** The beginning of a text, whole words of it, with «…»; the text itself where it is short enough. */
export function withinTokens(text: string, maxTokens: number, language: Language): string {
  if (estimateTokens(text, language) <= maxTokens) return text;
  const words = text.split(' ');
  let [low, high] = [1, words.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (estimateTokens(words.slice(0, middle).join(' '), language) < maxTokens) low = middle;
    else high = middle - 1;
  }
  return `${words.slice(0, low).join(' ')}…`;
}
