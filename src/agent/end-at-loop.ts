import { TransformStream } from 'node:stream/web';
import type { llm } from '@livekit/agents';
import { type LoopRule, loopAtEnd } from '../providers/repetition.ts';

type Piece = llm.ChatChunk | string | symbol;

/** A phone number may have four zeros. */
const LOOP: LoopRule = [
  { upToWords: 1, repeats: 8 },
  { upToWords: 5, repeats: 4 },
  { upToWords: 40, repeats: 2 },
];

/**
 * Ends a model's answer that has begun to go round in circles: small models do, and would be heard for a minute.
 *
 * @param onLoop - told how many words the loop has
 */
export function endAtLoop<T extends Piece>(onLoop: (words: number) => void): TransformStream<T, T> {
  let text = '';
  let words = 0;
  return new TransformStream<T, T>({
    transform(piece, controller) {
      controller.enqueue(piece);
      text += contentOf(piece);
      const said = wordsOf(text);
      // The last word may be unfinished.
      if (said.length === words) return;
      words = said.length;
      const loop = loopAtEnd(said.slice(0, -1), LOOP);
      if (loop === undefined) return;
      onLoop(loop.length);
      controller.terminate();
    },
  });
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function contentOf(piece: Piece): string {
  if (typeof piece === 'symbol') return '';
  return typeof piece === 'string' ? piece : (piece.delta?.content ?? '');
}
