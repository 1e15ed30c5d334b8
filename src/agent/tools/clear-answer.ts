import type { Answers } from '../prompts.ts';

/**
 * Whether somebody has clearly said yes, or no, to a question: every word of theirs belongs to such an answer. Anything
 * else («sí, pero…», «¿sí?», «no, sí») is neither: then one asks again. Accents, case and punctuation do not count, but for
 * the question mark.
 */
export function clearAnswer(text: string, { yes, no, courtesy }: Answers): 'yes' | 'no' | undefined {
  if (/[?¿]/u.test(text)) return undefined;
  const said = text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/['’]/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  if (isMadeOf(said, no, courtesy)) return 'no';
  return isMadeOf(said, yes, courtesy) ? 'yes' : undefined;
}

/** Whether a text has at least one of the phrases, and nothing else but words of courtesy. */
function isMadeOf(said: string, phrases: readonly string[], courtesy: readonly string[]): boolean {
  // Each word between spaces of its own, so that phrases side by side are both found.
  let rest = ` ${said.replaceAll(' ', '  ')} `;
  let found = false;
  for (const phrase of phrases.toSorted((a, b) => b.length - a.length)) {
    const spaced = ` ${phrase.replaceAll(' ', '  ')} `;
    found ||= rest.includes(spaced);
    rest = rest.replaceAll(spaced, ' ');
  }
  const words = rest.split(' ').filter((word) => word !== '');
  return found && words.every((word) => courtesy.includes(word));
}
