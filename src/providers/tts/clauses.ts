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
const BOUNDARY = /(?<core>[.!?…:;,]+["»”’')\]]*(?=\s)| [—–-](?=\s)|\n)\s*/g;
const SENTENCE = /[.!?…:;]|\n/;
/** A dot after these does not end a sentence, in Spanish or English; nor one after an initial or a list's number. */
const ABBREVIATION =
  /(?:^|\s)(?:\p{L}|ee|uu|sr|sra|srta|dr|dra|dña|ud|uds|av|avda|núm|no|pág|mr|mrs|ms|st|vs|p\.ej|e\.g|i\.e|[ap]\.m)\.$|^\d+\.$/iu;

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
 * space before `max`.
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
    if (core.startsWith('.') && ABBREVIATION.test(clause)) continue;
    const end = match.index + match[0].length;
    return end < text.length ? end : undefined;
  }
  if (text.length - indent <= max) return undefined;
  const space = text.lastIndexOf(' ', indent + max);
  if (space > indent) return space + 1;
  // One word longer than a clause: it stays whole.
  const after = text.slice(indent + max).search(/\s/);
  return after < 0 ? undefined : indent + max + after + 1;
}
