import type { Language } from '../../config/config.ts';
import { TURN_WORDS, type TurnWords } from './turn-words.ts';

/**
 * What the words alone say about the end of a turn:
 * - `complete`: whole by its grammar: a question, an answer, a thank-you;
 * - `stopped`: could be whole, and has the full stop that Whisper puts after nearly anything;
 * - `unsure`: could be whole or not: no full stop, a greeting, «el precio…»;
 * - `open`: hangs in the air: «y…», «o sea», a verb that wants an object;
 * - `dictation`: figures, letters or an address of e-mail under way.
 */
export type TurnShape = 'complete' | 'stopped' | 'unsure' | 'open' | 'dictation';

/** Figures of a number that is being dictated in groups; fewer are an amount, more are a whole telephone number or card. */
const DICTATED_DIGITS = { min: 2, max: 8 };
/** Figures alone: four and fewer may be a whole code. */
const MANY_DIGITS = 5;
/** Longer sentences that begin with «when…» or “if…” have their main clause inside. */
const SUBORDINATE_WORDS = 8;

/**
 * Reads the shape of a turn. Whisper writes the punctuation that it hears in the voice, and puts a full stop, or a
 * question mark where the words begin like a question, after anything: a mark counts only where the words agree.
 *
 * @param text - what the caller said in this turn so far
 */
export function turnShape(text: string, language: Language): TurnShape {
  const said = text.replace(/["»”')\]\s¿¡]+$/u, '').trimStart();
  if (said === '') return 'unsure';
  const words = TURN_WORDS[language];
  const sentence = bare(lastSentence(said), language);
  if (isDictation(said, sentence, words, language)) return 'dictation';
  if (/(…|\.\.\.|[,;:—–-])$/u.test(said)) return 'open';
  if (sentence === '') return 'unsure';
  if (words.answers.test(sentence)) return 'complete';
  if (words.greeting.test(sentence)) return 'unsure';

  const questions = words.question.test(sentence);
  const last = lastWord(sentence);
  if (words.openPhrases.test(sentence)) return 'open';
  if (words.openEndings.has(last) && !isWholeQuestion(said, sentence, last, words)) {
    return 'open';
  }
  if (words.bareQuestion.test(sentence)) return 'open';
  if (said.endsWith('!')) return 'complete';
  if (words.halfNamed.test(sentence)) return 'unsure';
  if (said.endsWith('?')) return 'complete';
  if (isSubordinate(said, sentence, words)) return 'open';
  if (questions && !said.includes(',')) return said.endsWith('.') ? 'complete' : 'stopped';
  return said.endsWith('.') || words.questionVerb.test(sentence) ? 'stopped' : 'unsure';
}

/** «¿Quién es?» is a question, «¿Cuánto es el?» is not; nor is one that asks nothing: «¿Mi número es?». */
function isWholeQuestion(said: string, sentence: string, last: string, words: TurnWords): boolean {
  const tokens = sentence.split(' ');
  const asks = tokens.some((_, index) => words.question.test(tokens.slice(index).join(' ')));
  return said.endsWith('?') && words.endOfQuestion.has(last) && asks;
}

/** «Cuando abro la aplicación.»: Whisper's full stop; with a comma inside, the main clause has come. */
function isSubordinate(said: string, sentence: string, words: TurnWords): boolean {
  if (/[?!]$/u.test(said) || lastSentence(said).slice(4).includes(',')) return false;
  return words.subordinate.test(sentence) && sentence.split(' ').length <= SUBORDINATE_WORDS;
}

function isDictation(said: string, sentence: string, words: TurnWords, language: Language): boolean {
  const address = lastSentence(said)
    .toLocaleLowerCase(language)
    .replace(/[.,?!]+$/u, '');
  if (words.email.test(address)) return !words.wholeEmail.test(address);
  if (isSpelled(sentence.split(/[ -]/), words)) return true;

  const figures = trailingFigures(said.toLocaleLowerCase(language), words);
  if (figures < DICTATED_DIGITS.min || figures > DICTATED_DIGITS.max) return false;
  if (said.endsWith('?')) return false;
  const alone = /^[\d\s.,-]+$/u.test(said) || figures >= MANY_DIGITS;
  return alone || words.dictated.test(bare(said, language));
}

/** Three letters, or two that are no words. */
function isSpelled(tokens: readonly string[], words: TurnWords): boolean {
  const letters = tokens.slice(tokens.findLastIndex((token) => !/^\p{L}$/u.test(token)) + 1);
  return letters.length >= 3 || letters.filter((letter) => !words.letterWords.has(letter)).length >= 2;
}

/** About how many figures the text ends with, written «612 34», «seis uno dos» or «sesenta y uno». */
function trailingFigures(text: string, words: TurnWords): number {
  let figures = 0;
  const tokens = text.split(/[\s.,!-]+/u).filter((token) => token !== '');
  for (const token of tokens.reverse()) {
    if (/^\d+$/.test(token)) figures += token.length;
    else if (words.digits.has(token)) figures += 1;
    else if (words.numbers.has(token)) figures += 2;
    else break;
  }
  return figures;
}

function lastSentence(text: string): string {
  const sentences = text.split(/(?<=[.?!…])\s+/u).filter((one) => /[\p{L}\p{N}]/u.test(one));
  return sentences.at(-1) ?? '';
}

/** Lower case words with single spaces between them. */
function bare(text: string, language: Language): string {
  return text
    .toLocaleLowerCase(language)
    .replace(/’/gu, "'")
    .replace(/[^\p{L}\p{N}'@-]+/gu, ' ')
    .trim();
}

function lastWord(sentence: string): string {
  return sentence.split(' ').at(-1) ?? '';
}
