import { endsInAbbreviation } from './spoken/abbreviations.ts';

/** How text is cut for speech. Lengths are in characters. */
export interface ClauseOptions {
  /**
   * The first clause is spoken as soon as it has this many, so that sound comes early.
   * @defaultValue 8
   */
  firstMin?: number;
  /**
   * From this length on the first clause may also end before a phrase that a speaker might pause before: «En el carrito
   * tienes | una laptop».
   * @defaultValue 16
   */
  firstPhrase?: number;
  /**
   * The first clause is cut at a space when it grows past this without punctuation.
   * @defaultValue 48
   */
  firstMax?: number;
  /**
   * The second clause may end at a comma from this length on: it has to be there when the short first one was played.
   * @defaultValue 24
   */
  secondMin?: number;
  /**
   * @defaultValue 80
   */
  secondMax?: number;
  /**
   * Later clauses grow to this before a comma may end them: playback is ahead by then, and prosody gains.
   * @defaultValue 60
   */
  nextMin?: number;
  /**
   * @defaultValue 160
   */
  nextMax?: number;
}

export const NEXT_CLAUSE = { min: 60, max: 160 } as const;

/** Marks with the quotes and brackets that close after them; numbers, times and URLs have no space behind theirs. */
const BOUNDARY = /(?<core>(?<![.!?…:;,])[.!?…:;,]+["»”’')\]]*(?=\s)| [—–-](?=\s)|\n)\s*/g;
const SENTENCE = /[.!?…:;]|\n/;
/** A number at the beginning of a line of a list: «1. El primero». */
const LIST_NUMBER = /^\d+\.$/;
const MONTH_AND_DAY =
  /(?<!\p{L})(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.? \d{1,2}(?:[-–]\d{1,2})?(?:st|nd|rd|th)?,$/u;
const NUMBER_AND_DASH = /\d [—–-]$/;
/** What is read together with what follows: «21 |», «21 de |», «3 millones |», «siglo |», «código |». */
const OPEN_END = new RegExp(
  [
    String.raw`[\dºª°#&@+=*/–—-]`,
    // A link of Markdown, whose address nobody wants to hear.
    String.raw`\[[^[\]]*`,
    String.raw`\d\s(?:mil|millones|million|billion|thousand)(?:\sde)?`,
    String.raw`\d\s(?:de|del|of)(?:\s\p{L}+(?:\s(?:de|del|of))?)?`,
    String.raw`(?<!\p{L})(?:siglos?|siglos?\s[IVXLC]+(?:\s(?:y|al?|o))?|capítulo|tomo|volumen|acto|título|anexo|chapter|volume|part|act|section|annex|World(?:\sWar)?)`,
    String.raw`(?<!\p{L})(?:código|clave|contraseña|extensión|code|PIN|zip|password|passcode)(?:\s(?:postal|es|is))?`,
  ]
    .map((end) => `${end}$`)
    .join('|'),
  'iu',
);
/** A word whose end is known. */
const NEXT_WORD = /\s(?=(?<word>\p{L}+|\d+)[\s\p{P}])/gu;
/** Words that begin a phrase, in Spanish and English. */
const OPENERS = new Set(
  (
    'a al con cuando de del desde donde el en entre es está están fue hasta la las los mi mis o para pero por porque que si ' +
    'sin sobre son su sus tu tus un una unas unos y ' +
    'an and are at because but by for from if in is my of on or our that the to was were when where which with your'
  ).split(' '),
);
/** Words that lean on the next one: nobody pauses behind them. */
const LEANING = new Set(
  (
    'como ha han hay he le les lo más me menos muy nos no se ser te tan ya ' +
    'am as be been had has have he i it not so she they very we you'
  ).split(' '),
);
/** A number after these begins a phrase of its own: «En el carrito tienes | 2 artículos». */
const COUNTING = /(?<!\p{L})(?:tienes?|tenemos|quedan|faltan|cuestan?|have|has|need|costs?)$/iu;
const OPEN_BEGINNING = /[\d€$£¥%‰°#&@+=*–—-]/;

/**
 * Cuts a stream of text at natural clauses, the first one early. Joined, the clauses are the text; where it is cut does
 * not depend on the pieces that it comes in, so that a phrase is found in the speech cache however it was written.
 *
 * @param text - pieces of text as the model writes them
 * @returns clauses, each as soon as its end is sure; the last when the text ends
 */
export async function* cutClauses(
  text: AsyncIterable<string>,
  options: ClauseOptions = {},
): AsyncGenerator<string> {
  const { firstMin = 8, firstPhrase = 16, firstMax = 48, secondMin = 24, secondMax = 80 } = options;
  const { nextMin = NEXT_CLAUSE.min, nextMax = NEXT_CLAUSE.max } = options;
  const next = { sentenceMin: 1, min: nextMin, max: nextMax };
  const lengths = [
    { sentenceMin: firstMin, min: firstMin, phraseMin: firstPhrase, max: firstMax },
    { sentenceMin: 1, min: secondMin, max: secondMax },
  ];
  let pending = '';
  for await (const piece of text) {
    pending += piece;
    for (;;) {
      const end = clauseEnd(pending, lengths[0] ?? next);
      if (end === undefined) break;
      yield pending.slice(0, end);
      pending = pending.slice(end);
      lengths.shift();
    }
  }
  if (pending.trim() !== '') yield pending;
}

interface Lengths {
  /** From here on the end of a sentence ends a clause. */
  sentenceMin: number;
  /** From here on a comma does. */
  min: number;
  /** From here on the beginning of another phrase does. */
  phraseMin?: number;
  max: number;
}

/**
 * Where the first clause of a text ends: behind the first mark, or before the first phrase, that is far enough from its
 * beginning, else at the last space before `max`; never inside what is read as one, such as a date or «el Sr. Pérez».
 *
 * @returns undefined while it may still depend on what follows («3.» may become «3.5»)
 */
function clauseEnd(text: string, lengths: Lengths): number | undefined {
  const { phraseMin = Number.POSITIVE_INFINITY, ...marks } = lengths;
  const end = markEnd(text, marks);
  const phrase = phraseEnd(end === undefined ? text : text.slice(0, end), phraseMin);
  return phrase ?? end;
}

/** Where another phrase begins: an article, preposition or conjunction behind a word that may be the last of one. */
function phraseEnd(text: string, min: number): number | undefined {
  const indent = text.length - text.trimStart().length;
  if (text.length - indent < min) return undefined;
  for (const { index, groups } of text.matchAll(NEXT_WORD)) {
    const head = text.slice(indent, index);
    const next = groups?.word?.toLowerCase() ?? '';
    if (head.length < min) continue;
    if (/^\d/.test(next) && COUNTING.test(head)) return index + 1;
    if (!OPENERS.has(next) || !mayBeLast(head)) continue;
    if (!isInside(head, text[index + 1] ?? '')) return index + 1;
  }
  return undefined;
}

/** Whether a speaker might pause behind the last word. */
function mayBeLast(head: string): boolean {
  const last = head.match(/(?<!\S)\p{L}+$/u)?.[0].toLowerCase();
  return last !== undefined && !OPENERS.has(last) && !LEANING.has(last);
}

function markEnd(text: string, { sentenceMin, min, max }: Omit<Lengths, 'phraseMin'>): number | undefined {
  const indent = text.length - text.trimStart().length;
  for (const match of text.matchAll(BOUNDARY)) {
    const core = match.groups?.core ?? '';
    const coreEnd = match.index + core.length;
    if (coreEnd - indent > max) break;
    const clause = text.slice(indent, coreEnd).trimEnd();
    if (clause.length < (SENTENCE.test(core) ? sentenceMin : min)) continue;
    const end = match.index + match[0].length;
    // What follows decides whether «núm.» is an abbreviation and «May 5,» goes on.
    if (end >= text.length) return undefined;
    if (isInner(clause, match[0], text[end] ?? '')) continue;
    return end;
  }
  if (text.length - indent <= max + 1) return undefined;
  let fitting: number | undefined;
  for (const { index } of text.slice(indent).matchAll(/\s(?=\S)/g)) {
    if (index > max && fitting !== undefined) break;
    const at = indent + index + 1;
    // A long row of numbers has to be cut somewhere.
    if (index <= 2 * max && isInside(text.slice(indent, at - 1), text[at] ?? '')) continue;
    if (index > max) return at;
    if (fitting === undefined || mayBeLast(text.slice(indent, at - 1))) fitting = at;
  }
  return fitting;
}

/** Whether a mark ends nothing: of an abbreviation, of a list's number, inside a date, before a code. */
function isInner(clause: string, mark: string, next: string): boolean {
  if (mark.startsWith('.')) return LIST_NUMBER.test(clause) || endsInAbbreviation(clause, next);
  if (!/\d/.test(next) || mark.includes('\n')) return false;
  return mark.startsWith(':') || MONTH_AND_DAY.test(clause) || NUMBER_AND_DASH.test(clause);
}

/** Whether the space between the two is inside a number, a date, a telephone number, an abbreviation. */
function isInside(head: string, next: string): boolean {
  return OPEN_BEGINNING.test(next) || OPEN_END.test(head) || endsInAbbreviation(head, next);
}
