import { type Agreement, ALONE } from './spanish-numbers.ts';

/** Nouns in -as that are masculine, and -es nouns of each gender that an ending does not tell. */
const MASCULINE = new Set(
  (
    'días problemas sistemas programas temas idiomas mapas planetas poemas dramas climas diagramas telegramas ' +
    'esquemas síntomas dilemas lemas emblemas teoremas aromas panoramas jueces peces'
  ).split(' '),
);
const FEMININE = new Set(
  (
    'noches tardes partes leyes luces voces veces manos fotos motos llaves calles clases series claves sedes redes ' +
    'fases frases órdenes imágenes bases nubes naves torres mujeres flores paredes señales sucursales credenciales ' +
    'crisis tesis dosis razones raíces cruces actrices matrices legumbres costumbres cumbres'
  ).split(' '),
);
const FEMININE_ENDING = /(?:as|[csngx]iones|dades|tades|tudes)$/;
/** Words that end as a plural does and are none. */
const NO_NOUN = new Set(
  (
    'es las los más menos tres dos seis antes después pues además entonces gracias jamás quizás nos os tus sus mis ' +
    'estás has vas eres tienes puedes quieres debes cuyas cuyos todas todos'
  ).split(' '),
);
/** After these a number names one thing and counts nothing: «el pedido 21», «del 21». */
const NAMED = new RegExp(
  String.raw`(?<!\p{L})(?:el|del|al|número|opción|paso|punto|capítulo|página|artículo|apartado|nivel|versión|línea|` +
    'planta|piso|puerta|sala|mesa|habitación|ticket|tique|pedido|factura|caso|código|calle|avenida|zona|tipo|fase|' +
    'grupo|talla|canal|tema|día|año|folio|expediente|incidencia|referencia|terminal|pantalla|andén|vía|vuelo|tren|' +
    String.raw`autobús|tienda|caja|lote|serie|modelo|regla|pregunta)\s+$`,
  'iu',
);
const FEMININE_BEFORE = /(?<!\p{L})(?:las|unas|estas|esas|aquellas|otras|algunas|cuantas|muchas)\s+$/iu;
/** «a la 1»: the hour. */
const HOUR_BEFORE = /(?<!\p{L})la\s+$/iu;
const AFTER_ONE_NO_NOUN = new Set(
  (
    'y o u e de del a al en es está estaba por con para que no se hasta más menos ni pero si como sobre son entre ' +
    'sin desde cada ya también tiene era fue será ha hay le lo la me te el los las un una'
  ).split(' '),
);

/**
 * Gender and apocope of a number from the words around it: «21 facturas» → «veintiuna», «21 artículos» → «veintiún»,
 * «el pedido 21 está» → «veintiuno».
 */
export function agreementOf(before: string, value: bigint, after: string): Agreement {
  if (FEMININE_BEFORE.test(before)) return { gender: 'feminine', beforeNoun: true };
  if (value === 1n && HOUR_BEFORE.test(before)) return { gender: 'feminine', beforeNoun: false };
  if (NAMED.test(before)) return ALONE;
  const next = /^[ \u00a0](\p{L}{2,})/u.exec(after)?.[1]?.toLowerCase();
  if (next === undefined) return ALONE;
  if (value === 1n) {
    if (AFTER_ONE_NO_NOUN.has(next)) return ALONE;
    return { gender: isFeminine(`${next}s`) ? 'feminine' : 'masculine', beforeNoun: true };
  }
  if (!next.endsWith('s') || NO_NOUN.has(next)) return millions(next);
  return { gender: isFeminine(next) ? 'feminine' : 'masculine', beforeNoun: true };
}

/** «21 mil», «21 millones»; of the latter the noun's gender says nothing. */
function millions(next: string): Agreement {
  return next === 'mil' ? { gender: 'masculine', beforeNoun: true } : ALONE;
}

function isFeminine(plural: string): boolean {
  if (MASCULINE.has(plural)) return false;
  // A singular in -ción or -dad got its s above: «acciones» is not what «accións» looks like.
  return FEMININE.has(plural) || FEMININE_ENDING.test(plural) || /(?:[csngx]ións|dads|tads)$/.test(plural);
}
