/** How a number agrees with what it counts. */
export interface Agreement {
  gender: 'masculine' | 'feminine';
  /** The noun follows: «veintiún artículos», «un millón de euros». */
  beforeNoun: boolean;
}

export const ALONE: Agreement = { gender: 'masculine', beforeNoun: false };

const BELOW_30 = (
  'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete ' +
  'dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete ' +
  'veintiocho veintinueve'
).split(' ');
const TENS = ['', '', '', 'treinta', 'cuarenta', 'cincuenta', 'sesenta', 'setenta', 'ochenta', 'noventa'];
const HUNDREDS = [
  ...[
    '',
    'ciento',
    'doscient',
    'trescient',
    'cuatrocient',
    'quinient',
    'seiscient',
    'setecient',
    'ochocient',
  ],
  'novecient',
];
/** The long scale: each is a million of the one before it. */
const SCALES = ['', 'millón', 'billón', 'trillón'];
const MILLION = 1_000_000n;
/** Nobody counts further; such strings are read digit by digit. */
export const LARGEST = MILLION ** 4n - 1n;

/**
 * A number in Spanish words, by the rules of the RAE (Ortografía de la lengua española, 2010, chapter VIII). Written here
 * because the libraries of the field (n2words 4, to-words 5, written-number 0.11) say «veintiuno mil», «dieciseis» or
 * «cienta una».
 *
 * @param value - 0 to {@link LARGEST}
 */
export function spanishCardinal(value: bigint, agreement: Agreement = ALONE): string {
  if (value === 0n) return 'cero';
  const words: string[] = [];
  let exactScale = false;
  for (let power = SCALES.length - 1; power >= 0; power -= 1) {
    const unit = MILLION ** BigInt(power);
    const count = Number((value / unit) % MILLION);
    if (count === 0) continue;
    exactScale = power > 0;
    const scale = SCALES[power] ?? '';
    if (power === 0) words.push(belowMillion(count, agreement));
    else if (count === 1) words.push(`un ${scale}`);
    else
      words.push(
        `${belowMillion(count, { gender: 'masculine', beforeNoun: true })} ${scale.replace('ón', 'ones')}`,
      );
  }
  return `${words.join(' ')}${exactScale && agreement.beforeNoun ? ' de' : ''}`;
}

const ORDINAL_UNITS = [
  '',
  'primer',
  'segund',
  'tercer',
  'cuart',
  'quint',
  'sext',
  'séptim',
  'octav',
  'noven',
];
const ORDINAL_TENS = [
  ...['', 'décim', 'vigésim', 'trigésim', 'cuadragésim', 'quincuagésim', 'sexagésim', 'septuagésim'],
  ...['octogésim', 'nonagésim'],
];

/**
 * @param value - 1 to 99; above that Spanish speakers use the cardinal, and so does this
 */
export function spanishOrdinal(value: number, { gender, beforeNoun }: Agreement): string {
  if (value < 1 || value > 99) return spanishCardinal(BigInt(value), { gender, beforeNoun: false });
  const ending = gender === 'feminine' ? 'a' : 'o';
  const unit = ORDINAL_UNITS[value % 10] ?? '';
  const short = beforeNoun && gender === 'masculine' && (value % 10 === 1 || value % 10 === 3);
  const last = short ? unit : `${unit}${ending}`;
  if (value < 10) return last;
  if (value === 11) return `undécim${ending}`;
  if (value === 12) return `duodécim${ending}`;
  const ten = ORDINAL_TENS[Math.floor(value / 10)] ?? '';
  if (value % 10 === 0) return `${ten}${ending}`;
  if (value < 20) return `decimo${last}`.replace('oo', 'o');
  return `${ten}${ending} ${last}`;
}

function belowMillion(value: number, agreement: Agreement): string {
  const thousands = Math.floor(value / 1000);
  const rest = value % 1000;
  const words: string[] = [];
  // «doscientas mil personas», and yet «veintiún mil personas».
  if (thousands === 1) words.push('mil');
  else if (thousands > 1)
    words.push(belowThousand(thousands, { ...agreement, beforeNoun: true }, true), 'mil');
  if (rest > 0) words.push(belowThousand(rest, agreement));
  return words.join(' ');
}

function belowThousand(value: number, { gender, beforeNoun }: Agreement, thousands = false): string {
  if (value === 100) return 'cien';
  const hundred = HUNDREDS[Math.floor(value / 100)] ?? '';
  const words: string[] = [];
  if (hundred !== '')
    words.push(hundred === 'ciento' ? hundred : `${hundred}${gender === 'feminine' ? 'as' : 'os'}`);
  const rest = value % 100;
  if (rest === 0) return words.join(' ');
  const one = gender === 'feminine' && !thousands ? 'una' : beforeNoun ? 'un' : 'uno';
  if (rest === 21) words.push(one === 'un' ? 'veintiún' : `veinti${one}`);
  else if (rest === 1) words.push(one);
  else if (rest < 30) words.push(BELOW_30[rest] ?? '');
  else {
    const ten = TENS[Math.floor(rest / 10)] ?? '';
    const unit = rest % 10;
    words.push(unit === 0 ? ten : `${ten} y ${unit === 1 ? one : (BELOW_30[unit] ?? '')}`);
  }
  return words.join(' ');
}
