import type { Language } from '../../../config/config.ts';
import {
  type Amount,
  APART,
  amountWords,
  cardinal,
  NUMBER,
  numberWords,
  parseNumber,
  SIGN,
} from './numbers.ts';
import type { Agreement } from './spanish-numbers.ts';
import { unitName } from './units.ts';

/** Names for one and for several. */
type Names = [one: string, many: string];

interface Currency {
  es: Names;
  en: Names;
  gender: Agreement['gender'];
  cents: Record<Language, Names>;
}

const CENTAVOS: Currency['cents'] = { es: ['centavo', 'centavos'], en: ['centavo', 'centavos'] };
const CENTS: Currency['cents'] = { es: ['centavo', 'centavos'], en: ['cent', 'cents'] };
const gender = 'masculine';

const EURO: Currency = {
  es: ['euro', 'euros'],
  en: ['euro', 'euros'],
  gender,
  cents: { es: ['céntimo', 'céntimos'], en: ['cent', 'cents'] },
};
const DOLLAR: Currency = { es: ['dólar', 'dólares'], en: ['dollar', 'dollars'], gender, cents: CENTS };
const POUND: Currency = {
  es: ['libra', 'libras'],
  en: ['pound', 'pounds'],
  gender: 'feminine',
  cents: { es: ['penique', 'peniques'], en: ['penny', 'pence'] },
};
const peso = (es: string, en: string): Currency => ({
  es: [`peso ${es}`, `pesos ${es}s`],
  en: [`${en} peso`, `${en} pesos`],
  gender,
  cents: CENTAVOS,
});
const YEN: Currency = { es: ['yen', 'yenes'], en: ['yen', 'yen'], gender, cents: CENTS };

/** ISO 4217 codes and signs; a bare «$» is the dollar. */
const CURRENCIES: Record<string, Currency> = {
  '€': EURO,
  EUR: EURO,
  US$: DOLLAR,
  USD: DOLLAR,
  '£': POUND,
  GBP: POUND,
  MX$: peso('mexicano', 'Mexican'),
  MXN: peso('mexicano', 'Mexican'),
  ARS: peso('argentino', 'Argentine'),
  CLP: peso('chileno', 'Chilean'),
  COP: peso('colombiano', 'Colombian'),
  R$: { es: ['real', 'reales'], en: ['real', 'reais'], gender, cents: CENTAVOS },
  'S/': {
    es: ['sol', 'soles'],
    en: ['sol', 'soles'],
    gender,
    cents: { es: ['céntimo', 'céntimos'], en: ['cent', 'cents'] },
  },
  PEN: {
    es: ['sol', 'soles'],
    en: ['sol', 'soles'],
    gender,
    cents: { es: ['céntimo', 'céntimos'], en: ['cent', 'cents'] },
  },
  CHF: {
    es: ['franco suizo', 'francos suizos'],
    en: ['Swiss franc', 'Swiss francs'],
    gender,
    cents: { es: ['céntimo', 'céntimos'], en: ['centime', 'centimes'] },
  },
  JPY: YEN,
  '¥': YEN,
  $: DOLLAR,
};

/** Currencies that a text names by their word; only cents are to be told there: «12,50 euros». */
const NAMED: Record<string, Currency> = {
  euros: EURO,
  dólares: DOLLAR,
  dollars: DOLLAR,
  libras: POUND,
  pounds: POUND,
  pesos: { es: ['peso', 'pesos'], en: ['peso', 'pesos'], gender, cents: CENTAVOS },
};

const SCALES: Record<Language, Record<string, Names>> = {
  es: {
    mil: ['mil', 'mil'],
    millón: ['millón', 'millones'],
    millones: ['millón', 'millones'],
    k: ['mil', 'mil'],
    m: ['millón', 'millones'],
  },
  en: {
    thousand: ['thousand', 'thousand'],
    million: ['million', 'million'],
    billion: ['billion', 'billion'],
    bn: ['billion', 'billion'],
    k: ['thousand', 'thousand'],
    m: ['million', 'million'],
  },
};

const SIGNS = Object.keys(CURRENCIES)
  .map((sign) => sign.replace(/[$/]/g, String.raw`\$&`))
  .join('|');
const MONEY = `(?<currency>${SIGNS})`;
const PER = String.raw`(?:\s?\/\s?(?<per>\p{L}[\p{L}²³]*))?`;
const END = String.raw`(?![\p{L}\p{N}]|[.,]\p{N})`;

interface Patterns {
  before: RegExp;
  after: RegExp;
  named: RegExp;
}
const PATTERNS: Record<Language, Patterns> = { es: patterns('es'), en: patterns('en') };
const TO = { es: 'a', en: 'to' } as const;
const BY = { es: ' por ', en: ' per ' } as const;
const MINUS = { es: 'menos ', en: 'minus ' } as const;

/** Sums of money as they are read aloud: «mil doscientos euros con cincuenta céntimos». */
export function spokenMoney(text: string, language: Language): string {
  const replacer = (whole: string, ...rest: unknown[]) => {
    const {
      sign,
      low,
      number = '',
      scale,
      currency = '',
      per,
    } = rest.at(-1) as Record<string, string | undefined>;
    const money = CURRENCIES[currency] ?? NAMED[currency.toLowerCase()];
    if (money === undefined) return whole;
    const from = low === undefined ? '' : `${numberWords(low, language, noun(money))} ${TO[language]} `;
    const sum = sumWords(number, scale, money, language);
    return `${sign === undefined ? '' : MINUS[language]}${from}${sum}${per === undefined ? '' : `${BY[language]}${unitName(per, language)}`}`;
  };
  const { before, after, named } = PATTERNS[language];
  return text.replace(before, replacer).replace(after, replacer).replace(named, replacer);
}

function patterns(language: Language): Patterns {
  const scales = Object.keys(SCALES[language]);
  const long = scales.filter((scale) => scale.length > 1).join('|');
  const scale = String.raw`(?:\s?(?<scale>(?:${long})(?!\p{L})|[kKM](?![\p{L}\p{N}])))?`;
  const glued = String.raw`(?:\s?(?<scale>(?:${long})(?!\p{L})(?:\s(?:de|of))?|[kKM](?=\s?(?:${SIGNS}))))?`;
  const low = (between: string) => String.raw`(?:(?<low>${NUMBER})\s?[-–—]\s?${between})?`;
  return {
    before: new RegExp(
      String.raw`(?<![\p{L}\p{N}])(?<sign>${SIGN}|[-−])?${MONEY}\s?${low(String.raw`(?:${SIGNS})?\s?`)}(?<number>${NUMBER})${scale}${END}${PER}`,
      'gu',
    ),
    after: new RegExp(
      String.raw`${APART}(?<sign>${SIGN})?${low('')}(?<number>${NUMBER})${glued}\s?${MONEY}(?![\p{L}\p{N}])${PER}`,
      'gu',
    ),
    named: new RegExp(
      String.raw`${APART}(?<sign>${SIGN})?(?<number>\d[\d.,]*[.,]\d{2})\s(?<currency>${Object.keys(NAMED).join('|')})(?!\p{L})`,
      'giu',
    ),
  };
}

function noun({ gender: of }: Currency): Agreement {
  return { gender: of, beforeNoun: true };
}

function sumWords(written: string, scale: string | undefined, money: Currency, language: Language): string {
  const amount = parseNumber(written, language);
  const [one, many] = money[language];
  if (amount === undefined) return `${numberWords(written, language)} ${many}`;
  if (scale !== undefined) return scaled(amount, scale, money, language);
  const { integer, fraction } = amount;
  if (fraction !== undefined && fraction.length > 2)
    return `${amountWords(amount, language, noun(money))} ${many}`;
  const cents = Number((fraction ?? '').padEnd(2, '0'));
  const whole = `${cardinal(integer, language, noun(money))} ${integer === 1n ? one : many}`;
  if (cents === 0) return whole;
  const [cent, centMany] = money.cents[language];
  const small = `${cardinal(BigInt(cents), language, noun({ ...money, gender: 'masculine' }))} ${cents === 1 ? cent : centMany}`;
  if (integer === 0n) return small;
  return `${whole} ${language === 'es' ? 'con' : 'and'} ${small}`;
}

/** «3 M€» → «tres millones de euros», “$1.2 billion” → “one point two billion dollars”. */
function scaled(amount: Amount, scale: string, money: Currency, language: Language): string {
  const name = scale.replace(/\s(?:de|of)$/, '').toLowerCase();
  const [one = '', many = ''] = SCALES[language][name] ?? [];
  const single = amount.integer === 1n && amount.fraction === undefined;
  const scaleWord = single ? one : many;
  const currency = money[language][1];
  if (language === 'en') return `${amountWords(amount, 'en')} ${scaleWord} ${currency}`;
  const count = scaleWord === 'mil' && single ? '' : amountWords(amount, 'es', noun(money));
  return `${count} ${scaleWord}${scaleWord === 'mil' ? '' : ' de'} ${currency}`.trim();
}
