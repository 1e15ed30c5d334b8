import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClauseOptions, cutClauses } from '../../src/providers/tts/clauses.ts';

async function cut(pieces: string[], options?: ClauseOptions): Promise<string[]> {
  async function* stream() {
    yield* pieces;
  }
  const clauses: string[] = [];
  for await (const clause of cutClauses(stream(), options)) clauses.push(clause);
  return clauses;
}

const words = fc.constantFrom(
  ...[
    'hola',
    'tu',
    'ticket',
    '3.5',
    '1.200,50',
    'Sr.',
    'Dra.',
    'a.',
    'https://x.io/a?b=1,2;c',
    '«sí»',
    '¿no?',
    '12:30',
  ],
  ...[
    'fin.',
    '¡ya!',
    '"vale."',
    'uno,',
    'dos;',
    'que…',
    '—',
    '-',
    '\n',
    '\n\n',
    '  ',
    '...',
    'ñandú',
    '😀',
    ')',
    '3.',
  ],
);
const texts = fc
  .array(fc.tuple(words, fc.constantFrom(' ', ' ', ' ', '', '\n')), { maxLength: 80 })
  .map((list) => list.map(([word, space]) => word + space).join(''));
const anyText = fc.oneof(texts, texts, fc.string({ unit: 'grapheme', maxLength: 300 }));

describe('clauses of a text', () => {
  it.each<[string, string[]]>([
    ['Hola.', ['Hola.']],
    ['', []],
    [' \n ', []],
    // A first clause under eight letters is not worth a request of its own.
    ['Sí. Tienes tres tickets.', ['Sí. Tienes tres tickets.']],
    ['Claro que sí, Ana. Tienes tres.', ['Claro que sí, ', 'Ana. ', 'Tienes tres.']],
    ['¡Hola, Ana! ¿En qué puedo ayudarte?', ['¡Hola, Ana! ', '¿En qué puedo ayudarte?']],
    ['El total es 3.5 euros, o 1.200,50 pesos.', ['El total es 3.5 euros, ', 'o 1.200,50 pesos.']],
    [
      'Te atiende el Sr. Gómez y la Dra. Ruiz. Gracias.',
      ['Te atiende el Sr. Gómez ', 'y la Dra. Ruiz. ', 'Gracias.'],
    ],
    // Before a phrase, once there is enough to be said.
    ['En el carrito tienes una laptop y un mouse.', ['En el carrito tienes ', 'una laptop y un mouse.']],
    ['There is a laptop and a mouse in it.', ['There is a laptop ', 'and a mouse in it.']],
    ['Tu compra cuesta la mitad.', ['Tu compra cuesta ', 'la mitad.']],
    ['En el carrito tienes 2 artículos.', ['En el carrito tienes ', '2 artículos.']],
    ['El total de la compra es de mil.', ['El total de la compra ', 'es de mil.']],
    ['Los problemas pendientes son los tickets.', ['Los problemas pendientes ', 'son los tickets.']],
    // Nobody pauses behind a word that leans on the next one, nor in a code.
    ['Te lo explicaré muy en serio.', ['Te lo explicaré muy en serio.']],
    ['Escribe ahora mismo el código 4821 ya.', ['Escribe ahora mismo ', 'el código 4821 ya.']],
    ['Tienes una laptop de la tienda.', ['Tienes una laptop ', 'de la tienda.']],
    ['Dr. Smith and Mrs. Jones. They wait.', ['Dr. Smith and Mrs. Jones. ', 'They wait.']],
    ['Llega a las 3 p. m. del lunes. Vale.', ['Llega a las 3 p. m. del lunes. ', 'Vale.']],
    ['Vive en EE. UU. desde hoy. Sí.', ['Vive en EE. UU. desde hoy. ', 'Sí.']],
    ['Mira en https://a.io/x?y=1,2;z:3 y dime. Ya.', ['Mira en https://a.io/x?y=1,2;z:3 y dime. ', 'Ya.']],
    ['Me dijo «espera.» Luego colgó.', ['Me dijo «espera.» ', 'Luego colgó.']],
    ['Cuesta 5 — 7 pesos más', ['Cuesta 5 — 7 pesos más']],
    ['Es el núm. 5. Y otro.', ['Es el núm. 5. ', 'Y otro.']],
    ['Hay leche etc. Luego agua.', ['Hay leche etc. ', 'Luego agua.']],
    ['Hay leche etc. y agua.', ['Hay leche etc. y agua.']],
    ['On November 21, 2026, it opens.', ['On November 21, 2026, ', 'it opens.']],
    ['On Nov. 21, 2026 it opens. Yes.', ['On Nov. 21, 2026 it opens. ', 'Yes.']],
    ['El código es: 4821. Ya.', ['El código es: 4821. ', 'Ya.']],
    ['Un momento — ya lo veo', ['Un momento — ', 'ya lo veo']],
    ['Tienes dos:\n1. El primero.\n2. El segundo.', ['Tienes dos:\n', '1. El primero.\n', '2. El segundo.']],
    ['No lo sé... Espera un poco.', ['No lo sé... ', 'Espera un poco.']],
  ])('%j', async (text, clauses) => {
    expect(await cut([text])).toEqual(clauses);
  });

  it('gives the first clause before the text goes on, so that it can be spoken at once', async () => {
    let asked = 0;
    async function* stream() {
      for (const token of ['Tienes', ' dos', ' tickets', ',', ' el', ' primero', ' es']) {
        asked += 1;
        yield token;
      }
    }
    for await (const clause of cutClauses(stream())) {
      expect(clause).toBe('Tienes dos tickets, ');
      break;
    }
    expect(asked).toBe(5);
  });

  it('lets no comma end a later clause that is short', async () => {
    const [, second, ...rest] = await cut([
      'Veamos bien. Uno, dos, tres y cuatro, y cinco. Seis, siete, ocho y nueve, y diez. Fin.',
    ]);
    expect(second).toBe('Uno, dos, tres y cuatro, ');
    expect(rest).toEqual(['y cinco. ', 'Seis, siete, ocho y nueve, y diez. ', 'Fin.']);
  });

  it('cuts a first clause without marks at a space within 48 characters', async () => {
    const [first] = await cut(['palabra '.repeat(20)]);
    expect(first).toBe('palabra '.repeat(6));
  });

  it.each([
    '21/11/2026',
    '21 de noviembre de 2026',
    'November 21, 2026',
    '9:05 a. m.',
    '1 200,50 €',
    '$ 1,200.50',
    '3 millones de euros',
    '+34 612 345 678',
    'código 4821',
    'ana.lopez@ejemplo.com',
    'https://ejemplo.com/a,b;c',
    'Dra. Gil',
    'EE. UU.',
    'siglo XXI',
    'versión 2.0.0',
    '20 °C',
    '10 - 12 km',
  ])('never cuts inside «%s», wherever it stands', async (whole) => {
    for (let length = 0; length <= 60; length += 1) {
      const text = `${'palabras '.repeat(8).slice(0, length).trimEnd()} ${whole} y después sigue la frase`;
      const clauses = await cut([text]);
      expect(
        clauses.some((clause) => clause.includes(whole)),
        JSON.stringify(clauses),
      ).toBe(true);
    }
  });

  it('cuts a row of numbers that does not end, somewhere', async () => {
    const clauses = await cut(['1 2 3 4 5 6 7 8 9 '.repeat(100)]);
    expect(Math.max(...clauses.map((clause) => clause.length))).toBeLessThanOrEqual(330);
  });

  it('keeps a word that is longer than a clause whole', async () => {
    const url = `https://example.org/${'a'.repeat(200)}`;
    expect(await cut([`${url} y luego`])).toEqual([`${url} `, 'y luego']);
  });

  it('joins back to the text, and none is empty', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const clauses = await cut([text]);
        expect(clauses.join('')).toBe(text.trim() === '' ? '' : text);
        expect(clauses.every((clause) => clause.trim() !== '')).toBe(true);
      }),
    );
  });

  it('cuts the same wherever the pieces of the text begin and end', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.array(fc.integer({ min: 1, max: 40 })), async (text, lengths) => {
        const pieces: string[] = [];
        let rest = text;
        for (const length of lengths) {
          pieces.push(rest.slice(0, length));
          rest = rest.slice(length);
        }
        const whole = await cut([text]);
        expect(await cut([...pieces, rest])).toEqual(whole);
        expect(await cut([...text])).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps clauses within their lengths where there are spaces to cut at', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const [first = '', ...rest] = await cut([text]);
        const long = 'https://x.io/a?b=1,2;c'.length * 2;
        expect(first.trim().length).toBeLessThanOrEqual(48 + long);
        for (const clause of rest) expect(clause.trim().length).toBeLessThanOrEqual(160 + long);
      }),
    );
  });
});
