/** Most characters of the clauses: the first is short, so that it is heard early; while it plays, the next is made. */
const LONGEST = [48, 90, 160];
const LONGEST_LATER = 200;
/** A clause shorter than this sounds cut off; it goes with what follows. */
const SHORTEST = 6;

/** Words that a speaker may pause before, tried where a clause has no punctuation. */
const JOINTS =
  /\s(?=(?:y|e|o|u|pero|que|porque|cuando|como|con|para|por|si|donde|and|or|but|that|because|when|with|for|if|where|which|so)\s)/gi;
const AFTER_SENTENCE = /[.!?…]+["»”)]*(?:\s+|$)|\n+/g;
const AFTER_PHRASE = /[,;:—][»”)]*\s+/g;
const AFTER_WORD = /\s+/g;
/** Full stops that end no sentence: «el Sr. Pérez», «p. ej. dos», «Mr. Dashwood». */
const ABBREVIATION =
  /(?:^|\s)(?:Sra?|Srta|Dra?|Ud|Uds|Lic|Ing|Prof|Avda|Av|etc|ej|p|núm|tel|Mr|Mrs|Ms|St|Jr|vs|e\.g|i\.e|[A-Z])\.\s*$/i;

export interface Clause {
  text: string;
  /** Silence between it and the next: ms. */
  pauseMs: number;
}

/**
 * Cuts a text into what is synthesised in one go. Sentences are kept whole where they fit; a long one is cut after a
 * comma, else before a conjunction, else between words.
 */
export function splitClauses(text: string): Clause[] {
  const clauses: Clause[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const end = endOfClause(rest, LONGEST[clauses.length] ?? LONGEST_LATER);
    const clause = rest.slice(0, end).trim();
    rest = rest.slice(end).trim();
    // Punctuation alone says nothing.
    if (/[\p{L}\p{N}]/u.test(clause)) clauses.push({ text: clause, pauseMs: pauseAfter(clause) });
  }
  return clauses;
}

function endOfClause(text: string, longest: number): number {
  const sentence = ends(text, AFTER_SENTENCE).filter((end) => !ABBREVIATION.test(text.slice(0, end)));
  const first = sentence.find((end) => end >= SHORTEST) ?? text.length;
  if (first <= longest) return first;
  const fits = (end: number) => end >= SHORTEST && end <= longest;
  for (const pattern of [AFTER_PHRASE, JOINTS]) {
    const last = ends(text, pattern).findLast(fits);
    if (last !== undefined && last >= longest / 4) return last;
  }
  // A little over the limit is better than a cut inside a phrase.
  if (first <= longest * 1.4) return first;
  return ends(text, AFTER_WORD).findLast(fits) ?? Math.min(text.length, longest);
}

function ends(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((match) => match.index + match[0].length);
}

function pauseAfter(clause: string): number {
  if (/[.!?…]["»”)]*$/.test(clause)) return 280;
  return /[,;:—]$/.test(clause) ? 140 : 30;
}
