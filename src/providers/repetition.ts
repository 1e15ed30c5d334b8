/** How often so many words in a row must be said before they count as a loop. */
export type LoopRule = readonly { upToWords: number; repeats: number }[];

const LONGEST_LOOP = 40;

/**
 * A loop at the end of a text, which models fall into: the same words again and again.
 *
 * @returns how many words are repeated, and how many words of the end the repetitions take; undefined without a loop
 */
export function loopAtEnd(
  words: readonly string[],
  rule: LoopRule,
): { length: number; repeated: number } | undefined {
  for (let length = 1; length <= LONGEST_LOOP; length += 1) {
    // «cero cero» is one word twice, not two words.
    if (isRepetition(words.slice(-length))) continue;
    const repeats = rule.find(({ upToWords }) => length <= upToWords)?.repeats ?? Number.POSITIVE_INFINITY;
    let repeated = length;
    while (repeated < words.length && words.at(-repeated - 1) === words.at(-repeated - 1 + length))
      repeated += 1;
    if (repeated >= length * repeats) return { length, repeated };
  }
  return undefined;
}

function isRepetition(words: readonly string[]): boolean {
  return words.some(
    (_, period) =>
      period > 0 &&
      words.length % period === 0 &&
      words.every((word, index) => word === words[index % period]),
  );
}
