import { expect, it } from 'vitest';
import { loopAtEnd } from '../../src/providers/repetition.ts';

const words = (text: string) => text.trim().split(' ');
const RULE = [
  { upToWords: 3, repeats: 4 },
  { upToWords: 40, repeats: 2 },
];

it('finds a sentence that was said twice in a row, and a few words that never end', () => {
  const sentence = 'crea una nueva tarea en el panel';
  expect(loopAtEnd(words(`${sentence} ${sentence}`), RULE)).toEqual({ length: 7, repeated: 14 });
  expect(loopAtEnd(words(`antes ${sentence} ${sentence}`), RULE)).toEqual({ length: 7, repeated: 14 });
  expect(loopAtEnd(words('configuración y tutorial '.repeat(4)), RULE)).toEqual({ length: 3, repeated: 12 });
});

it('counts a last repetition that is not complete', () => {
  expect(loopAtEnd(words('a b c d a b c d a b'), RULE)).toEqual({ length: 4, repeated: 10 });
});

it('is patient with what the rule allows', () => {
  expect(loopAtEnd(words('no no no'), RULE)).toBeUndefined();
  expect(loopAtEnd(words('configuración y tutorial '.repeat(3)), RULE)).toBeUndefined();
  expect(loopAtEnd([], RULE)).toBeUndefined();
});
