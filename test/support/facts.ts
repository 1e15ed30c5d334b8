import { distance } from 'fastest-levenshtein';

/**
 * Whether a fact is in an answer. Each fact is a list of ways to say it; it counts as said when one of them stands in the
 * text, compared without accents, case and punctuation. In speech, a word also counts when it is one letter in five
 * away: the agent's voice says «payment» with a Spanish mouth, and a small Whisper writes down what it heard.
 */
export function missingFacts(text: string, facts: readonly (readonly string[])[], spoken: boolean): string[] {
  const said = words(text);
  return facts
    .filter((ways) => !ways.some((way) => holds(said, words(way), spoken)))
    .map((ways) => ways[0] ?? '');
}

function holds(said: string[], way: string[], spoken: boolean): boolean {
  // A number may be split or joined differently («1 200», «12 34»): compare without spaces too.
  if (said.join('').includes(way.join(''))) return true;
  if (!spoken) return false;
  const target = way.join(' ');
  const allowed = Math.floor(target.length / 5);
  return said.some(
    (_, start) => distance(said.slice(start, start + way.length).join(' '), target) <= allowed,
  );
}

function words(text: string): string[] {
  const plain = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.match(/[a-z0-9]+/g) ?? [];
}
