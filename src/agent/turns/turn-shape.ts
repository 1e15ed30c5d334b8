import type { Language } from '../../config/config.ts';

/** What the words alone say about the end of a turn. */
export type TurnShape = 'complete' | 'open' | 'unsure';

/** Words that nobody ends a turn with: conjunctions, prepositions, articles, and what people say while they think. */
const OPEN_ENDINGS: Record<Language, ReadonlySet<string>> = {
  es: new Set(
    (
      'a al ante bajo como con contra cuando de del desde donde durante e el en entre es está hacia hasta la las lo los ' +
      'mi mis muy ni o para pero por porque pues que quiero se si sin sobre su sus tan también tu tus u un una unas uno ' +
      'unos y ya eh este esto bueno mmm em digo'
    ).split(' '),
  ),
  en: new Set(
    (
      'a about after an and are as at because before but by for from if in into is like my of on or our so than that the ' +
      'their then they this to under until was we were when where which while who with without your um uh er well'
    ).split(' '),
  ),
};
const OPEN_PHRASES: Record<Language, RegExp> = {
  es: /\b(o sea|es decir|por ejemplo|a ver|es que|déjame (ver|pensar)|un momento|espera)$/,
  en: /\b(i mean|you know|for example|let me (see|think)|hold on|one moment|wait)$/,
};
/** A number that is being dictated grows in groups; one that has the length of a telephone number or a card is whole. */
const TRAILING_NUMBER = /\d[\d\s.,-]*$/;
const DICTATED_DIGITS = { min: 3, max: 8 };

/**
 * Reads the shape of a transcript: a finished sentence or question, a turn that hangs in the air («y…», «o sea», a number
 * being dictated), or neither. Whisper writes the punctuation that it hears in the voice, and puts a full stop after
 * anything: a full stop counts only where the last word may end a sentence.
 *
 * @param text - what the caller said in this turn so far
 */
export function turnShape(text: string, language: Language): TurnShape {
  const trimmed = text.trim();
  if (trimmed === '') return 'unsure';
  if (/[?!]["»”')\]]*$/.test(trimmed)) return 'complete';
  if (/(…|\.\.\.|[,;:—-])$/.test(trimmed)) return 'open';
  const bare = trimmed.replace(/[.…"»”')\]]+$/, '').toLocaleLowerCase(language);
  const digits = bare.match(TRAILING_NUMBER)?.[0].replace(/\D/g, '').length ?? 0;
  if (digits >= DICTATED_DIGITS.min && digits <= DICTATED_DIGITS.max) return 'open';
  if (OPEN_PHRASES[language].test(bare)) return 'open';
  const last = bare.match(/[\p{L}\p{N}]+$/u)?.[0] ?? '';
  if (OPEN_ENDINGS[language].has(last)) return 'open';
  return trimmed.endsWith('.') ? 'complete' : 'unsure';
}
