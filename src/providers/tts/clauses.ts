import { endsInAbbreviation } from './spoken/abbreviations.ts';

/** How text is cut for speech. Lengths are in characters. */
export interface ClauseOptions {
  /**
   * The first clause is spoken as soon as it has this many, so that sound comes early.
   * @defaultValue 8
   */
  firstMin?: number;
  /**
   * The first clause is cut at a space when it grows past this without punctuation.
   * @defaultValue 48
   */
  firstMax?: number;
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
  const { firstMin = 8, firstMax = 48, nextMin = NEXT_CLAUSE.min, nextMax = NEXT_CLAUSE.max } = options;
  let pending = '';
  let first = true;
  for await (const piece of text) {
    pending += piece;
    for (;;) {
      const end = first
        ? clauseEnd(pending, firstMin, firstMin, firstMax)
        : clauseEnd(pending, 1, nextMin, nextMax);
      if (end === undefined) break;
      yield pending.slice(0, end);
      pending = pending.slice(end);
      first = false;
    }
  }
  if (pending.trim() !== '') yield pending;
}

/**
 * Where the first clause of a text ends: behind the first mark that is far enough from its beginning, else at the last
 * space before `max`; never inside what is read as one, such as a date or «el Sr. Pérez».
 *
 * @returns undefined while it may still depend on what follows («3.» may become «3.5»)
 */
function clauseEnd(text: string, sentenceMin: number, min: number, max: number): number | undefined {
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
    fitting = at;
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
