import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inOrder } from '../../src/channels/in-order.ts';

function taken(numbers: readonly number[]): number[] {
  const pieces: number[] = [];
  const take = inOrder<number>((piece) => pieces.push(piece));
  for (const number of numbers) take(number, number);
  return pieces;
}

it('brings pieces that came in another order into theirs', () => {
  expect(taken([1, 3, 2, 4, 6, 5, 7])).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it('drops what came before, and what comes too late', () => {
  expect(taken([1, 2, 2, 1, 3])).toEqual([1, 2, 3]);
  expect(taken([1, 3, 4, 5, 6, 7, 2, 8])).toEqual([1, 3, 4, 5, 6, 7, 8]);
});

it('waits for one that is missing until five others are there', () => {
  expect(taken([1, 3, 4, 5, 6])).toEqual([1]);
  expect(taken([1, 3, 4, 5, 6, 7])).toEqual([1, 3, 4, 5, 6, 7]);
});

it('goes on when the stream counts anew, or a number was far off', () => {
  const anew = taken([...Array.from({ length: 100 }, (_, index) => index), 1, 2, 3]);
  expect(anew.slice(100)).toEqual([1, 2, 3]);
  const far = taken([1, 2, 3, 1e9, 4, 5, 6]);
  expect(far).toEqual([1, 2, 3, 4, 5, 6]);
});

it('never goes back by less than a second, keeps nothing twice, and makes nothing up', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 200 })), (numbers) => {
      const pieces = taken(numbers);
      pieces.forEach((piece, index) => {
        const before = pieces[index - 1];
        if (before !== undefined) expect(piece > before || piece <= before - 50).toBe(true);
        expect(numbers).toContain(piece);
      });
      expect(pieces.length).toBeLessThanOrEqual(numbers.length);
    }),
  );
});
