import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutClauses } from '../../src/providers/tts/clauses.ts';
import { spanishCardinal, spanishOrdinal } from '../../src/providers/tts/spoken/spanish-numbers.ts';
import { spokenText } from '../../src/providers/tts/spoken/spoken-text.ts';

type Table = [written: string, spoken: string][];

const SPANISH: Record<string, Table> = {
  'whole numbers': [
    ['Quedan 0.', 'Quedan cero.'],
    ['Tienes 16 y 22.', 'Tienes dieciséis y veintidós.'],
    ['Son 31 en total', 'Son treinta y uno en total'],
    ['1.234.567', 'un millón doscientos treinta y cuatro mil quinientos sesenta y siete'],
    ['1,234,567', 'un millón doscientos treinta y cuatro mil quinientos sesenta y siete'],
    ['Hay 1.200 plazas', 'Hay mil doscientas plazas'],
    ['Hay 1,200 plazas', 'Hay mil doscientas plazas'],
    ['Hay 12 000 plazas', 'Hay doce mil plazas'],
    ['Hay 1 500 inscritos', 'Hay mil quinientos inscritos'],
    ['Son 5000000', 'Son cinco millones'],
    ['Desde -5 hasta 5', 'Desde menos cinco hasta cinco'],
    ['10k seguidores', 'diez mil seguidores'],
  ],
  'numbers that agree with what they count': [
    ['Tienes 21 artículos.', 'Tienes veintiún artículos.'],
    ['Tienes 21 facturas.', 'Tienes veintiuna facturas.'],
    ['Hay 200 personas', 'Hay doscientas personas'],
    ['Hay 201 habitaciones', 'Hay doscientas una habitaciones'],
    ['las 500 más vendidas', 'las quinientas más vendidas'],
    ['101 páginas', 'ciento una páginas'],
    ['21.000 euros', 'veintiún mil euros'],
    ['200.000 personas', 'doscientas mil personas'],
    ['1.000.000 personas', 'un millón de personas'],
    ['2.500.000 personas', 'dos millones quinientas mil personas'],
    ['31 días y 21 problemas', 'treinta y un días y veintiún problemas'],
    ['1 mensaje y 1 factura', 'un mensaje y una factura'],
    ['en 21 años', 'en veintiún años'],
  ],
  'numbers that name a thing': [
    ['El pedido 21 está listo.', 'El pedido veintiuno está listo.'],
    ['La opción 1 es mejor', 'La opción uno es mejor'],
    ['el artículo 200 tiene notas', 'el artículo doscientos tiene notas'],
    ['el 21 llegas', 'el veintiuno llegas'],
    ['Son 21 más', 'Son veintiuno más'],
    ['De 1 a 5', 'De uno a cinco'],
  ],
  decimals: [
    ['3,5', 'tres coma cinco'],
    ['3.5', 'tres punto cinco'],
    ['3,05', 'tres coma cero cinco'],
    ['3,14159', 'tres coma uno cuatro uno cinco nueve'],
    ['0,750', 'cero coma siete cinco cero'],
    ['1.200,25', 'mil doscientos coma veinticinco'],
    ['1,200.25', 'mil doscientos punto veinticinco'],
  ],
  ordinals: [
    ['el 1.º y la 3.ª', 'el primero y la tercera'],
    ['el 1º', 'el primero'],
    ['el 1er piso y el 3.er aviso', 'el primer piso y el tercer aviso'],
    ['la 2da vez', 'la segunda vez'],
    ['la 21ª edición', 'la vigésima primera edición'],
    ['el 18.º', 'el decimoctavo'],
  ],
  money: [
    ['1200 €', 'mil doscientos euros'],
    ['1.200 €', 'mil doscientos euros'],
    ['1 200,50 €', 'mil doscientos euros con cincuenta céntimos'],
    ['€5', 'cinco euros'],
    ['1 €', 'un euro'],
    ['21 €', 'veintiún euros'],
    ['0,99 €', 'noventa y nueve céntimos'],
    ['12,01 €', 'doce euros con un céntimo'],
    ['12,00 €', 'doce euros'],
    ['12,5 €', 'doce euros con cincuenta céntimos'],
    ['12,50 euros', 'doce euros con cincuenta céntimos'],
    ['$1,200.50', 'mil doscientos dólares con cincuenta centavos'],
    ['US$ 20', 'veinte dólares'],
    ['20 USD', 'veinte dólares'],
    ['EUR 1.000.000', 'un millón de euros'],
    ['200 £', 'doscientas libras'],
    ['500 MXN', 'quinientos pesos mexicanos'],
    ['entre 10-12 €', 'entre diez a doce euros'],
    ['-5 €', 'menos cinco euros'],
    ['10 €/mes', 'diez euros por mes'],
    ['3 M€', 'tres millones de euros'],
    ['1,2 millones de €', 'uno coma dos millones de euros'],
    ['El € sube', 'El euros sube'],
  ],
  'percentages and units': [
    ['un 15 % más', 'un quince por ciento más'],
    ['21%', 'veintiuno por ciento'],
    ['3,5 %', 'tres coma cinco por ciento'],
    ['10-15 %', 'diez a quince por ciento'],
    ['1 km', 'un kilómetro'],
    ['21 km', 'veintiún kilómetros'],
    ['120 km/h', 'ciento veinte kilómetros por hora'],
    ['2,5 kg', 'dos coma cinco kilos'],
    ['70 m²', 'setenta metros cuadrados'],
    ['512 GB', 'quinientos doce gigabytes'],
    ['100 Mbps', 'cien megabits por segundo'],
    ['20 °C', 'veinte grados Celsius'],
    ['-3º', 'menos tres grados'],
    ['38,5º', 'treinta y ocho coma cinco grados'],
    ['Gira 90º.', 'Gira noventa grados.'],
    ['5º C', 'cinco grados Celsius'],
    ['Son 5 min. de espera', 'Son cinco minutos de espera'],
    ['12 €/kg', 'doce euros por kilo'],
    ['2 h 30 min. 5 s', 'dos horas treinta minutos cinco segundos'],
    ['24 h', 'veinticuatro horas'],
    ['21 h', 'veintiuna horas'],
    ['Tardará 5 min.', 'Tardará cinco minutos.'],
    ['El 21 ha llegado', 'El veintiuno ha llegado'],
  ],
  dates: [
    ['el 21/11/2026', 'el veintiuno de noviembre de dos mil veintiséis'],
    ['el 05-03-26', 'el cinco de marzo de dos mil veintiséis'],
    ['21.11.2026', 'veintiuno de noviembre de dos mil veintiséis'],
    ['2026-11-21', 'veintiuno de noviembre de dos mil veintiséis'],
    ['2026-11-21T09:05:00Z', 'veintiuno de noviembre de dos mil veintiséis, nueve y cinco'],
    ['11/21/2026', 'veintiuno de noviembre de dos mil veintiséis'],
    [
      'del 2026-11-19 a las 10:32:05',
      'del diecinueve de noviembre de dos mil veintiséis a las diez treinta y dos con cinco segundos',
    ],
    ['el 1/5', 'el primero de mayo'],
    ['el 1 de mayo de 1999', 'el primero de mayo de mil novecientos noventa y nueve'],
    ['el 21 de noviembre', 'el veintiuno de noviembre'],
    ['45/45/2026', 'cuarenta y cinco, cuarenta y cinco, dos mil veintiséis'],
  ],
  times: [
    ['a las 14:30', 'a las catorce treinta'],
    ['a las 9:30 o 9:15', 'a las nueve y media o nueve y cuarto'],
    ['a las 9:05 am', 'a las nueve y cinco de la mañana'],
    ['a las 21:00 h.', 'a las veintiuna horas.'],
    ['a la 1:00', 'a la una'],
    ['A la 1 llega', 'A la una llega'],
    ['a las 3 p. m.', 'a las tres de la tarde.'],
    ['A las 3 p. m. Luego no.', 'A las tres de la tarde. Luego no.'],
    ['a las 3 p. m. del lunes', 'a las tres de la tarde del lunes'],
    ['a las 10 PM', 'a las diez de la noche'],
    ['a las 12:00 p.m. en punto', 'a las doce del mediodía en punto'],
    ['a las 18h30', 'a las dieciocho treinta'],
    ['de 9:00-14:00', 'de nueve-catorce'],
  ],
  'ranges, fractions and sums': [
    ['10-12 días', 'diez a doce días'],
    ['2010–2015', 'dos mil diez a dos mil quince'],
    ['1/2 litro', 'un medio litro'],
    ['3/4', 'tres cuartos'],
    ['2½', 'dos y un medio'],
    ['un 4/10', 'un cuatro de diez'],
    ['24/7', 'veinticuatro siete'],
    ['2+2=4', 'dos más dos igual a cuatro'],
    ['5-3=2 y 10/2=5', 'cinco menos tres igual a dos y diez entre dos igual a cinco'],
    ['un 8,5/10', 'un ocho coma cinco sobre diez'],
    ['>5 y <3', 'más de cinco y menos de tres'],
    ['50/50', 'cincuenta cincuenta'],
    ['3 x 4 y 5*6', 'tres por cuatro y cinco por seis'],
    ['7 < 9', 'siete menor que nueve'],
  ],
  'telephone numbers, codes and versions': [
    ['+34 612 345 678', 'más tres cuatro, seis uno dos, tres cuatro cinco, seis siete ocho'],
    ['612345678', 'seis uno dos, tres cuatro cinco, seis siete ocho'],
    ['91 123 45 67', 'nueve uno, uno dos tres, cuatro cinco, seis siete'],
    ['tel. 555-1234', 'teléfono cinco cinco cinco, uno dos tres cuatro'],
    ['Tu código es 4821.', 'Tu código es cuatro ocho dos uno.'],
    ['código postal 28013', 'código postal dos ocho cero uno tres'],
    ['el 007', 'el cero cero siete'],
    ['ticket #1234', 'ticket número mil doscientos treinta y cuatro'],
    ['ticket #48213', 'ticket número cuarenta y ocho mil doscientos trece'],
    ['el AB-123', 'el a be ciento veintitrés'],
    ['MP3, COVID-19 y 5G', 'eme pe tres, COVID diecinueve y cinco ge'],
    ['la versión 2.10', 'la versión dos punto diez'],
    ['2.0.0', 'dos punto cero punto cero'],
    ['v1.2', 'versión uno punto dos'],
    ['192.168.1.10', 'ciento noventa y dos punto ciento sesenta y ocho punto uno punto diez'],
    [
      'ES91 2100 0418 4502 0005 1332',
      'e ese nueve uno, dos uno cero cero, cero cuatro uno ocho, cuatro cinco cero dos, cero cero cero cinco, uno tres tres dos',
    ],
  ],
  abbreviations: [
    ['El Sr. Pérez y la Dra. Gil', 'El señor Pérez y la doctora Gil'],
    ['por mar, p. ej. en barco', 'por mar, por ejemplo en barco'],
    ['p.ej.', 'por ejemplo'],
    ['en EE. UU. hoy', 'en Estados Unidos hoy'],
    ['Vive en EE. UU.', 'Vive en Estados Unidos.'],
    ['pan, leche, etc.', 'pan, leche, etcétera.'],
    ['pan, etc., y ya', 'pan, etcétera, y ya'],
    ['pan, etc. Luego más.', 'pan, etcétera. Luego más.'],
    ['avda. de América, n.º 5', 'avenida de América, número cinco'],
    ['C/ Mayor', 'calle Mayor'],
    ['c/ Mayor', 'calle Mayor'],
    ['D. Juan y Uds.', 'don Juan y ustedes.'],
    ['Plan D. Nada', 'Plan don Nada'],
    ['art. 21', 'artículo veintiuno'],
    ['Es un art. de fe', 'Es un art. de fe'],
    ['No. Así no.', 'No. Así no.'],
  ],
  'addresses and signs': [
    ['ana.lópez@ejemplo.com', 'ana punto lópez arroba ejemplo punto com'],
    ['a_b-c23@x.es.', 'a guion bajo b guion c veintitrés arroba x punto es.'],
    ['https://www.ejemplo.com/ayuda.', 'triple uve doble punto ejemplo punto com barra ayuda.'],
    ['en charla.es, y ya', 'en charla punto es, y ya'],
    ['Fin.Luego', 'Fin.Luego'],
    ['abre informe.pdf', 'abre informe punto pdf'],
    ['Tom & Ana', 'Tom y Ana'],
    ['@ana y #oferta', 'arroba ana y almohadilla oferta'],
    ['y/o', 'y o'],
    ['él/ella', 'él, ella'],
    ['Pulsa 2 o * para salir', 'Pulsa dos o asterisco para salir'],
  ],
  'Roman numbers': [
    ['el siglo XXI', 'el siglo veintiuno'],
    ['los siglos V y XX', 'los siglos quinto y veinte'],
    ['capítulo IV', 'capítulo cuatro'],
    ['el siglo vi', 'el siglo vi'],
    ['MIX de XL', 'MIX de XL'],
  ],
  'what is only for the eye': [
    ['**Hola**, _Ana_ 🎉', 'Hola, Ana'],
    ['# Título\n- uno\n* dos', 'Título\nuno\ndos'],
    ['`código` y ~~no~~', 'código y no'],
    ['[la ayuda](https://x.io/a)', 'la ayuda'],
    ['Sí 👍🏽, vale 👨‍👩‍👧', 'Sí, vale'],
    ['a<br>b', 'a b'],
    ['Hola :) ;-) sí', 'Hola sí'],
    ['---', ''],
  ],
  'plain sentences': [
    ['¿Qué tal, «Ana»? ¡Bien! (creo)…', '¿Qué tal, «Ana»? ¡Bien! (creo)…'],
    ['Un momento — ya lo veo; o no: ya.', 'Un momento — ya lo veo; o no: ya.'],
    ['Perdona, ahora mismo no puedo responder.', 'Perdona, ahora mismo no puedo responder.'],
    ['físico-químico', 'físico-químico'],
  ],
};

const ENGLISH: Record<string, Table> = {
  'whole numbers and decimals': [
    ['You have 21 items.', 'You have twenty-one items.'],
    ['1,200 users', 'one thousand two hundred users'],
    ['1,000,000', 'one million'],
    ['3.14', 'three point one four'],
    ['1.200', 'one point two zero zero'],
    ['1.200,50', 'one thousand two hundred point five zero'],
    ['-5 or 3', 'minus five or three'],
    ['10k', 'ten thousand'],
  ],
  ordinals: [
    ['the 1st, 22nd and 103rd', 'the first, twenty-second and one hundred third'],
    ['5th Ave.', 'fifth Avenue.'],
    ['World War II', 'World War two'],
  ],
  money: [
    ['$1,200.50', 'one thousand two hundred dollars and fifty cents'],
    ['$1', 'one dollar'],
    ['$0.01', 'one cent'],
    ['£3.02', 'three pounds and two pence'],
    ['€5', 'five euros'],
    ['20 USD', 'twenty dollars'],
    ['99¢', 'ninety-nine cents'],
    ['$3 million', 'three million dollars'],
    ['$5M and $10k', 'five million dollars and ten thousand dollars'],
    ['$10-$12', 'ten to twelve dollars'],
    ['12.50 dollars', 'twelve dollars and fifty cents'],
    ['$10/month', 'ten dollars per month'],
    ['$29.99/mo.', 'twenty-nine dollars and ninety-nine cents per month.'],
  ],
  'percentages and units': [
    ['15%', 'fifteen percent'],
    ['1 km, 5 kg', 'one kilometer, five kilograms'],
    ['60 mph', 'sixty miles per hour'],
    ['20 °C', 'twenty degrees Celsius'],
    ['10-12 GB', 'ten to twelve gigabytes'],
    ['2 hrs 30 min. 1 hr', 'two hours thirty minutes one hour'],
  ],
  dates: [
    ['on 11/21/2026', 'on November twenty-first, twenty twenty-six'],
    ['on 21/11/2026', 'on November twenty-first, twenty twenty-six'],
    ['2026-11-21', 'November twenty-first, twenty twenty-six'],
    ['Nov. 21, 2026', 'November twenty-first, twenty twenty-six'],
    ['November 3rd', 'November third'],
    ['21 November 2026', 'twenty-first of November, twenty twenty-six'],
    ['May 2005', 'May two thousand five'],
    ['by 5/1', 'by May first'],
    ['March 3-5, 2026', 'March third to fifth, twenty twenty-six'],
    ['in 1999 and 1905', 'in nineteen ninety-nine and nineteen oh five'],
    ['the 1990s and the 80s', 'the nineteen nineties and the eighties'],
    ['2010-2015', 'twenty ten to twenty fifteen'],
    ['of 2000 users', 'of two thousand users'],
  ],
  times: [
    ['9:05 am', 'nine oh five A M'],
    ['at 2:30 p.m. on Monday', 'at two thirty P M on Monday'],
    ['at 5 pm.', 'at five P M.'],
    ['14:30', 'fourteen thirty'],
    ['9:00', "nine o'clock"],
    ['14:00', 'fourteen hundred'],
  ],
  'telephone numbers, codes and versions': [
    ['(555) 123-4567', 'five five five, one two three, four five six seven'],
    ['+1 555 123 4567', 'plus one, five five five, one two three, four five six seven'],
    ['Your PIN is 0042.', 'Your PIN is zero zero four two.'],
    ['ticket #1234', 'ticket number one thousand two hundred thirty-four'],
    ['AB-123', 'A B one hundred twenty-three'],
    ['version 2.10', 'version two point ten'],
    ['v2.0.0', 'version two point zero point zero'],
  ],
  'fractions and sums': [
    ['1/2 and 3/4', 'one half and three quarters'],
    ['2 1/2', 'two and one half'],
    ['7/10', 'seven out of ten'],
    ['2+2=4', 'two plus two equals four'],
  ],
  abbreviations: [
    ['Mr. Smith and Dr. Jones', 'Mister Smith and Doctor Jones'],
    ['fruit, e.g. apples, etc.', 'fruit, for example apples, et cetera.'],
    ['Acme Inc. is here', 'Acme Incorporated is here'],
    ['No. 5', 'number five'],
    ['No. I will not.', 'No. I will not.'],
    ['the U.S. today', 'the U S today'],
  ],
  'addresses and signs': [
    ['bob_smith@mail.co.uk', 'bob underscore smith at mail dot co dot uk'],
    ['see example.com/help.', 'see example dot com slash help.'],
    ['R&D @ home', 'R and D at home'],
  ],
  'what is only for the eye': [
    ['**Done!** ✅ See *this*.', 'Done! See this.'],
    ['1. One\n2. Two', 'one. One\ntwo. Two'],
  ],
  'plain sentences': [
    ["I don't know — it's well-known, isn't it?", "I don't know — it's well-known, isn't it?"],
  ],
};

describe.each([
  ['es', SPANISH],
  ['en', ENGLISH],
] as const)('a text for the voice, in %s', (language, tables) => {
  describe.each(Object.entries(tables))('%s', (_, table) => {
    it.each(table)('%j is said %j', (written, spoken) => {
      expect(spokenText(written, language)).toBe(spoken);
    });
  });

  const constructs = Object.values(tables)
    .flat()
    .map(([written]) => written);
  const plain = ['hola', 'tienes', 'mañana', 'the', 'house', 'listo,', '¿no?', 'bien.', '«sí»', 'well-known'];
  const texts = fc
    .array(fc.oneof(fc.constantFrom(...constructs), fc.constantFrom(...plain)), { maxLength: 12 })
    .map((list) => list.join(' '));

  it('has no digit left, whatever it was', () => {
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (text) => {
        expect(spokenText(text, language)).not.toMatch(/\d/);
      }),
      { numRuns: 500 },
    );
  });

  it('stays as it is when it comes again', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const spoken = spokenText(text, language);
        expect(spokenText(spoken, language)).toBe(spoken);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every plain word, in its place', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...plain)), (words) => {
        expect(spokenText(words.join(' '), language)).toBe(words.join(' '));
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...constructs), fc.constantFrom('hola', 'tienes'))),
        (list) => {
          const spoken = spokenText(list.flat().join(' '), language);
          const said = spoken.match(/hola|tienes/gi) ?? [];
          const written =
            list
              .flat()
              .join(' ')
              .match(/hola|tienes/gi) ?? [];
          expect(said).toEqual(written);
        },
      ),
    );
  });

  it('is the same said clause by clause: none is cut inside what is read as one', async () => {
    async function* once(text: string) {
      yield text;
    }
    const filler = fc.array(fc.constantFrom('palabra', 'una', 'otra', 'más', 'larga'), { maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(filler, fc.constantFrom(...constructs), filler, async (before, construct, after) => {
        fc.pre(!construct.includes('\n'));
        const text = [...before, construct, ...after, 'fin.'].join(' ');
        const said: string[] = [];
        for await (const clause of cutClauses(once(text))) said.push(spokenText(clause, language));
        const words = (one: string) => one.toLowerCase().match(/[\p{L}']+/gu);
        expect(words(said.join(' '))).toEqual(words(spokenText(text, language)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('Spanish numbers', () => {
  it.each<[bigint, string]>([
    [21_000n, 'veintiún mil'],
    [101_001n, 'ciento un mil uno'],
    [1_000_001n, 'un millón uno'],
    [21_000_000n, 'veintiún millones'],
    [1_000_000_000n, 'mil millones'],
    [1_000_000_000_000n, 'un billón'],
    [2_000_000_000_000_000_000n, 'dos trillones'],
  ])('%s is «%s»', (value, words) => {
    expect(spanishCardinal(value)).toBe(words);
  });

  it.each<[number, string]>([
    [7, 'séptima'],
    [11, 'undécima'],
    [13, 'decimotercera'],
    [40, 'cuadragésima'],
    [99, 'nonagésima novena'],
    [100, 'cien'],
  ])('the %i. is «%s»', (value, words) => {
    expect(spanishOrdinal(value, { gender: 'feminine', beforeNoun: true })).toBe(words);
  });
});
