import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitClauses } from '../../src/inference/split-clauses.ts';

const texts = (text: string) => splitClauses(text).map((clause) => clause.text);

describe('splitClauses', () => {
  it('keeps a short answer in one piece', () => {
    expect(texts('Hola, buenas tardes.')).toEqual(['Hola, buenas tardes.']);
  });

  it('cuts between sentences', () => {
    expect(texts('Tienes dos tickets. ¿Quieres verlos ahora?')).toEqual([
      'Tienes dos tickets.',
      '¿Quieres verlos ahora?',
    ]);
  });

  it('begins a long sentence with a short clause, cut at a comma', () => {
    const [first, ...rest] = texts(
      'Hola Carlos, en tu carrito tienes una laptop y un mouse, y el total de la compra es de mil doscientos dólares con envío.',
    );
    expect(first).toBe('Hola Carlos,');
    expect(rest.length).toBeGreaterThan(0);
  });

  it('cuts a long phrase without commas before a conjunction', () => {
    const [first] = texts(
      'Tienes que terminar la configuración del perfil y el tutorial que explica las funciones principales del panel',
    );
    expect(first).toBe('Tienes que terminar la configuración del perfil');
  });

  it('does not take numbers, versions and abbreviations for ends of sentences', () => {
    expect(texts('La versión 2.0.0 cuesta 1.200,50 euros.')).toEqual([
      'La versión 2.0.0 cuesta 1.200,50 euros.',
    ]);
    expect(texts('El Sr. Pérez llamó.')).toEqual(['El Sr. Pérez llamó.']);
  });

  it('pauses longer after a sentence than after a comma', () => {
    const [comma, stop] = splitClauses(
      'Hola Carlos, en tu carrito tienes una laptop y un mouse de color negro. El total es de mil doscientos dólares.',
    );
    expect(stop?.pauseMs).toBeGreaterThan(comma?.pauseMs ?? Number.POSITIVE_INFINITY);
  });

  it('says nothing for punctuation alone', () => {
    expect(splitClauses(' … -- ¡! ')).toEqual([]);
  });

  it('loses no letter, and makes no clause that is too long to be synthesised', () => {
    const word = fc.stringMatching(/^[a-záéñ]{1,12}[.,;!?]?$/);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 120 }), (words) => {
        const text = words.join(' ');
        const clauses = texts(text);
        const letters = (some: string) => some.replace(/[^\p{L}]/gu, '');
        expect(letters(clauses.join(''))).toBe(letters(text));
        expect(clauses.every((clause) => clause.length <= 280)).toBe(true);
      }),
    );
  });
});
