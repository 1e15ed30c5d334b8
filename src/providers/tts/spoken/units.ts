import type { Language } from '../../../config/config.ts';
import { APART, NUMBER, numberWords, parseNumber, SIGN } from './numbers.ts';
import { type Agreement, ALONE } from './spanish-numbers.ts';

interface Unit {
  es: [one: string, many: string, gender?: 'feminine'];
  en: [one: string, many: string];
}

const per = ({ es: [one, many], en }: Unit, hora: string, hour: string): Unit => ({
  es: [`${one} por ${hora}`, `${many} por ${hora}`],
  en: [`${en[0]} per ${hour}`, `${en[1]} per ${hour}`],
});
/** A unit whose plural is its singular with an s. */
const plain = (es: string, en: string): Unit => ({ es: [es, `${es}s`], en: [en, `${en}s`] });
const squared = (power: 'cuadrado' | 'cúbico', of: Unit): Unit => ({
  es: [`${of.es[0]} ${power}`, `${of.es[1]} ${power}s`],
  en: [
    `${power === 'cúbico' ? 'cubic' : 'square'} ${of.en[0]}`,
    `${power === 'cúbico' ? 'cubic' : 'square'} ${of.en[1]}`,
  ],
});

const KM = plain('kilómetro', 'kilometer');
const M = plain('metro', 'meter');
const CM = plain('centímetro', 'centimeter');
const LITRE = plain('litro', 'liter');
const HOUR: Unit = { es: ['hora', 'horas', 'feminine'], en: ['hour', 'hours'] };
const MINUTE = plain('minuto', 'minute');
const SECOND = plain('segundo', 'second');
const MB = plain('megabyte', 'megabyte');
const GB = plain('gigabyte', 'gigabyte');
const MEGABIT: Unit = { es: ['megabit', 'megabits'], en: ['megabit', 'megabits'] };
const GIGABIT: Unit = { es: ['gigabit', 'gigabits'], en: ['gigabit', 'gigabits'] };
const INCH: Unit = { es: ['pulgada', 'pulgadas', 'feminine'], en: ['inch', 'inches'] };
const OUNCE: Unit = { es: ['onza', 'onzas', 'feminine'], en: ['ounce', 'ounces'] };
const POUND: Unit = { es: ['libra', 'libras', 'feminine'], en: ['pound', 'pounds'] };
const degrees = (scale: string): Unit => ({
  es: [`grado ${scale}`.trim(), `grados ${scale}`.trim()],
  en: [`degree ${scale}`.trim(), `degrees ${scale}`.trim()],
});
const same = (es: string, en: string): Unit => ({ es: [es, es], en: [en, en] });

/**
 * Symbols of the International System and of everyday talk; only behind a number do they mean this. Those that are words
 * as well are not here: «el 21 ha llegado».
 */
const UNITS: Record<string, Unit> = {
  'km/h': per(KM, 'hora', 'hour'),
  'm/s': per(M, 'segundo', 'second'),
  'MB/s': per(MB, 'segundo', 'second'),
  'GB/s': per(GB, 'segundo', 'second'),
  mph: { es: ['milla por hora', 'millas por hora', 'feminine'], en: ['mile per hour', 'miles per hour'] },
  rpm: {
    es: ['revolución por minuto', 'revoluciones por minuto', 'feminine'],
    en: ['revolution per minute', 'revolutions per minute'],
  },
  'km²': squared('cuadrado', KM),
  km2: squared('cuadrado', KM),
  'm²': squared('cuadrado', M),
  m2: squared('cuadrado', M),
  'cm²': squared('cuadrado', CM),
  'm³': squared('cúbico', M),
  m3: squared('cúbico', M),
  'cm³': squared('cúbico', CM),
  km: KM,
  m: M,
  cm: CM,
  mm: plain('milímetro', 'millimeter'),
  kg: plain('kilo', 'kilogram'),
  Kg: plain('kilo', 'kilogram'),
  g: plain('gramo', 'gram'),
  mg: plain('miligramo', 'milligram'),
  lb: POUND,
  lbs: POUND,
  oz: OUNCE,
  l: LITRE,
  L: LITRE,
  ml: plain('mililitro', 'milliliter'),
  mL: plain('mililitro', 'milliliter'),
  cl: plain('centilitro', 'centiliter'),
  h: HOUR,
  hs: HOUR,
  hr: HOUR,
  hrs: HOUR,
  min: MINUTE,
  mins: MINUTE,
  seg: SECOND,
  sec: SECOND,
  s: SECOND,
  ms: plain('milisegundo', 'millisecond'),
  KB: plain('kilobyte', 'kilobyte'),
  kB: plain('kilobyte', 'kilobyte'),
  MB,
  GB,
  TB: plain('terabyte', 'terabyte'),
  Mbps: per(MEGABIT, 'segundo', 'second'),
  Gbps: per(GIGABIT, 'segundo', 'second'),
  kWh: { es: ['kilovatio hora', 'kilovatios hora'], en: ['kilowatt hour', 'kilowatt hours'] },
  kW: plain('kilovatio', 'kilowatt'),
  W: plain('vatio', 'watt'),
  V: plain('voltio', 'volt'),
  mAh: { es: ['miliamperio hora', 'miliamperios hora'], en: ['milliamp hour', 'milliamp hours'] },
  Hz: { es: ['hercio', 'hercios'], en: ['hertz', 'hertz'] },
  kHz: { es: ['kilohercio', 'kilohercios'], en: ['kilohertz', 'kilohertz'] },
  MHz: { es: ['megahercio', 'megahercios'], en: ['megahertz', 'megahertz'] },
  GHz: { es: ['gigahercio', 'gigahercios'], en: ['gigahertz', 'gigahertz'] },
  dB: { es: ['decibelio', 'decibelios'], en: ['decibel', 'decibels'] },
  px: { es: ['píxel', 'píxeles'], en: ['pixel', 'pixels'] },
  ft: { es: ['pie', 'pies'], en: ['foot', 'feet'] },
  '″': INCH,
  '°C': degrees('Celsius'),
  ºC: degrees('Celsius'),
  '° C': degrees('Celsius'),
  'º C': degrees('Celsius'),
  '°F': degrees('Fahrenheit'),
  ºF: degrees('Fahrenheit'),
  '°': degrees(''),
  '%': same('por ciento', 'percent'),
  '‰': same('por mil', 'per thousand'),
};
const SYMBOLS = Object.keys(UNITS)
  .toSorted((a, b) => b.length - a.length)
  .join('|');
const QUANTITY = new RegExp(
  String.raw`${APART}(?<sign>${SIGN})?(?:(?<low>${NUMBER})(?<percent>\s?%)?\s?[-–—]\s?)?(?<number>${NUMBER})[ \u00a0\u202f]?(?<symbol>${SYMBOLS})(?:\.(?=\s+[\p{Ll}\d]))?(?<per>\s?\/\s?(?<other>${SYMBOLS})?)?(?![\p{L}\p{N}])(?!['’]\p{L})`,
  'gu',
);
/** «-3º», «38,5º» and «90º» are no ordinals; «21º aniversario» is one. */
const DEGREES = new RegExp(
  String.raw`(?<![\p{L}\p{N}])(${SIGN}\d+|\d+[.,]\d+|\d{2,3}(?!º\s\p{Ll}))º(?![\p{L}\p{N}])`,
  'gu',
);
const HIGHEST_ORDINAL = 20;
const TO = { es: 'a', en: 'to' } as const;
const PERIODS: Record<string, string> = { mo: 'month', yr: 'year', wk: 'week' };
const BY = { es: 'por', en: 'per' } as const;
const MINUS = { es: 'menos ', en: 'minus ' } as const;

/** What a price is for: «kg», «mo», «mes». */
export function unitName(symbol: string, language: Language): string {
  return UNITS[symbol]?.[language][0] ?? (language === 'en' ? PERIODS[symbol] : undefined) ?? symbol;
}

/** Percentages and quantities with their units: «veintiún kilos», «diez a doce por ciento». */
export function spokenUnits(text: string, language: Language): string {
  const written = text.replace(DEGREES, (whole, number: string) =>
    /^\d+$/.test(number) && Number(number) <= HIGHEST_ORDINAL ? whole : `${number}°`,
  );
  return written.replace(QUANTITY, (whole, ...rest) => {
    const { sign, low, percent, number = '', symbol = '', per: slash, other } = rest.at(-1);
    const unit = UNITS[symbol];
    if (unit === undefined) return whole;
    const [one, many] = unit[language];
    // «21 por ciento» counts no noun.
    const agreement: Agreement =
      one === many ? ALONE : { gender: unit.es[2] ?? 'masculine', beforeNoun: true };
    const words = numberWords(number, language, agreement);
    const amount = parseNumber(number, language);
    const single = amount?.integer === 1n && amount.fraction === undefined && low === undefined;
    const from =
      low === undefined
        ? ''
        : `${numberWords(low, language, agreement)}${percent === undefined ? '' : ` ${one}`} ${TO[language]} `;
    const by =
      slash === undefined
        ? ''
        : ` ${BY[language]} ${other === undefined ? '' : (UNITS[other]?.[language][0] ?? '')}`;
    return `${sign === undefined ? '' : MINUS[language]}${from}${words} ${single ? one : many}${by}`;
  });
}
