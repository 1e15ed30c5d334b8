/**
 * Word error rate: the least number of words that must be put in, taken out or changed to make `heard` of `said`, as a
 * share of the words said. Case, accents and punctuation do not count; «Mr.» is «mister», «ill-disposed» two words.
 */
export function wordErrorRate(said: readonly string[], heard: readonly string[]): number {
  const rows = said.map((text, index) => ({ said: words(text), heard: words(heard[index] ?? '') }));
  const errors = rows.reduce((sum, row) => sum + distance(row.said, row.heard), 0);
  return errors / rows.reduce((sum, row) => sum + row.said.length, 0);
}

export function words(text: string): string[] {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\bmr\b\.?/g, 'mister')
    .split(/[^\p{L}\p{N}']+/u)
    .filter((word) => word !== '');
}

/** Levenshtein's distance, in words. */
function distance(a: readonly string[], b: readonly string[]): number {
  let row = b.map((_, index) => index + 1);
  for (const [i, word] of a.entries()) {
    let diagonal = i;
    let left = i + 1;
    row = row.map((above, j) => {
      left = Math.min(above + 1, left + 1, diagonal + (word === b[j] ? 0 : 1));
      diagonal = above;
      return left;
    });
  }
  return row.at(-1) ?? a.length;
}
