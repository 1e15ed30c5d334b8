import type { Backchannels } from '../prompts.ts';

/** More words than this are a turn, whatever they are. */
const MOST_WORDS = 4;

/**
 * Whether something said over the agent was only a listener's «ajá», so that the agent may go on.
 *
 * @param asked - whether the agent's present words hold a question
 */
export function isBackchannel(text: string, words: Backchannels, asked: boolean): boolean {
  const said = normalize(text);
  if (said.length === 0 || said.length > MOST_WORDS) return false;
  const known = new Set(asked ? words.always : [...words.always, ...words.unless_asked]);
  return isMadeOf(said, known);
}

/** Whether the words can be cut into phrases that are all known. */
function isMadeOf(words: readonly string[], known: ReadonlySet<string>): boolean {
  if (words.length === 0) return true;
  return words.some(
    (_, index) => known.has(words.slice(0, index + 1).join(' ')) && isMadeOf(words.slice(index + 1), known),
  );
}

function normalize(text: string): string[] {
  const plain = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}
