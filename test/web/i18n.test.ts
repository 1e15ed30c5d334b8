import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors.ts';
import { MESSAGES } from '../../src/web/i18n/i18n.tsx';
import { format } from '../../src/web/i18n/messages.ts';

/** `group.key` → the sentence. */
function sentences(messages: object, path = ''): Map<string, string> {
  return new Map(
    Object.entries(messages).flatMap(([key, value]) =>
      typeof value === 'object'
        ? [...sentences(value, `${path}${key}.`)]
        : [[`${path}${key}`, String(value)] as const],
    ),
  );
}

const fieldsOf = (sentence: string | undefined) => sentence?.match(/\{\w+\}/g)?.toSorted() ?? [];

describe('the words of the page', () => {
  const spanish = sentences(MESSAGES.es);
  const english = sentences(MESSAGES.en);

  it('are there in both languages, and none is empty', () => {
    expect([...english.keys()].toSorted()).toEqual([...spanish.keys()].toSorted());
    for (const sentence of [...spanish.values(), ...english.values()]) expect(sentence).not.toBe('');
  });

  it('have the same fields in both languages', () => {
    for (const [key, sentence] of spanish)
      expect([key, fieldsOf(english.get(key))]).toEqual([key, fieldsOf(sentence)]);
  });

  it('name only errors of the catalogue', () => {
    expect(Object.keys(ERRORS)).toEqual(expect.arrayContaining(Object.keys(MESSAGES.es.failure)));
  });

  it('are filled with their fields', () => {
    expect(format(MESSAGES.es.latency.turn, { turn: 3 })).toBe('Turno 3');
    expect(format('{known} {unknown}', { known: 0 })).toBe('0 {unknown}');
  });
});
