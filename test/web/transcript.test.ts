import { describe, expect, it } from 'vitest';
import { mergeUtterance, type Utterance } from '../../src/web/state/transcript.ts';

function heard(id: string, text: string, more: Partial<Utterance> = {}): Utterance {
  return { id, text, speaker: 'user', final: false, typed: false, startedAt: 0, ...more };
}

function merged(...parts: Utterance[]) {
  return parts.reduce<readonly Utterance[]>(mergeUtterance, []);
}

describe('the transcript', () => {
  it('replaces the words of a segment as more of it is heard', () => {
    const utterances = merged(
      heard('a', 'qué'),
      heard('a', 'qué tengo'),
      heard('a', '¿Qué tengo?', { final: true }),
    );
    expect(utterances).toEqual([heard('a', '¿Qué tengo?', { final: true })]);
  });

  it('keeps the order in which people began to speak', () => {
    const utterances = merged(
      heard('u', 'hola'),
      heard('a', 'Hola', { speaker: 'agent' }),
      heard('u', 'Hola.', { final: true }),
    );
    expect(utterances.map(({ id }) => id)).toEqual(['u', 'a']);
  });

  it('ignores guesses that come after the final words', () => {
    const utterances = merged(heard('a', 'Final.', { final: true }), heard('a', 'fin'));
    expect(utterances).toEqual([heard('a', 'Final.', { final: true })]);
  });

  it('shows no bubble for silence', () => {
    expect(merged(heard('a', ' '))).toEqual([]);
  });

  it('keeps the words when a segment is closed without any', () => {
    const utterances = merged(heard('a', 'Hola, Ju'), heard('a', '', { final: true }));
    expect(utterances).toEqual([heard('a', 'Hola, Ju', { final: true })]);
  });

  it('says by identity whether anything has changed', () => {
    const before = merged(heard('a', 'hola'));
    expect(mergeUtterance(before, heard('a', 'hola'))).toBe(before);
  });
});
