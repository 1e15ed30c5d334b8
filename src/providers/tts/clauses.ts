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

const SENTENCE_END = /[.!?…:;](?=\s|$)["»”')\]]*\s*|\n+/g;
const CLAUSE_END = /[.!?…:;,](?=\s)["»”')\]]*\s*|\s[—–-]\s|\n+/g;
/** A dot after these does not end a sentence, in Spanish or English. */
const ABBREVIATION =
  /(?:^|\s)(?:sr|sra|srta|dr|dra|d|dña|ud|uds|av|avda|núm|no|pág|etc|mr|mrs|ms|st|vs|p\.ej|e\.g|i\.e)\.$/i;

/**
 * Cuts a stream of text at natural clauses, the first one early. Joined, the clauses are the text.
 *
 * @param text - pieces of text as the model writes them
 * @returns clauses, each as soon as its end is sure; the last when the text ends
 */
export async function* cutClauses(
  text: AsyncIterable<string>,
  options: ClauseOptions = {},
): AsyncGenerator<string> {
  const { firstMin = 8, firstMax = 48, nextMin = 60, nextMax = 160 } = options;
  let pending = '';
  let first = true;
  for await (const piece of text) {
    pending += piece;
    for (;;) {
      const end = first
        ? clauseEnd(pending, firstMin, firstMax, CLAUSE_END)
        : nextEnd(pending, nextMin, nextMax);
      if (end === undefined) break;
      yield pending.slice(0, end);
      pending = pending.slice(end);
      first = false;
    }
  }
  if (pending.trim() !== '') yield pending;
}

/** A sentence ends the clause at any length over the first's; a comma only when the clause is long enough. */
function nextEnd(text: string, min: number, max: number): number | undefined {
  return clauseEnd(text, 1, Number.POSITIVE_INFINITY, SENTENCE_END) ?? clauseEnd(text, min, max, CLAUSE_END);
}

function clauseEnd(text: string, min: number, max: number, boundary: RegExp): number | undefined {
  for (const match of text.matchAll(boundary)) {
    const end = match.index + match[0].length;
    // Whether a mark at the very end is a boundary shows only with what follows («3.» may become «3.5»).
    if (end >= text.length && !match[0].includes('\n')) break;
    if (text.slice(0, end).trim().length < min) continue;
    if (ABBREVIATION.test(text.slice(0, end).trimEnd())) continue;
    return end;
  }
  if (text.length <= max) return undefined;
  const space = text.lastIndexOf(' ', max);
  return space > 0 ? space + 1 : undefined;
}
