import { TransformStream } from 'node:stream/web';
import type { llm } from '@livekit/agents';

type Piece = llm.ChatChunk | string | symbol;

/** How often so many words in a row must be said before they count as a loop; a phone number may have four zeros. */
const REPEATS: readonly { upToWords: number; repeats: number }[] = [
  { upToWords: 1, repeats: 8 },
  { upToWords: 5, repeats: 4 },
  { upToWords: 40, repeats: 2 },
];
const LONGEST_LOOP = 40;

/**
 * Ends a model's answer that has begun to go round in circles: small models do, and would be heard for a minute.
 *
 * @param onLoop - told how many words the loop has
 */
export function endAtLoop<T extends Piece>(onLoop: (words: number) => void): TransformStream<T, T> {
  let text = '';
  return new TransformStream<T, T>({
    transform(piece, controller) {
      controller.enqueue(piece);
      const words = wordsOf(text).length;
      text += contentOf(piece);
      const said = wordsOf(text);
      // The last word may be unfinished.
      if (said.length === words) return;
      const loop = loopLength(said.slice(0, -1));
      if (loop === undefined) return;
      onLoop(loop);
      controller.terminate();
    },
  });
}

/** @returns how many words are repeated at the end of `words`; undefined when it is no loop */
export function loopLength(words: readonly string[]): number | undefined {
  for (let length = 1; length <= LONGEST_LOOP; length += 1) {
    const repeats = REPEATS.find(({ upToWords }) => length <= upToWords)?.repeats ?? 2;
    const end = words.slice(-length * repeats);
    if (end.length < length * repeats) continue;
    if (end.every((word, index) => word === end[index % length])) return length;
  }
  return undefined;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function contentOf(piece: Piece): string {
  if (typeof piece === 'symbol') return '';
  return typeof piece === 'string' ? piece : (piece.delta?.content ?? '');
}
