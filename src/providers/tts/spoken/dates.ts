import type { Language } from '../../../config/config.ts';
import { cardinal, ordinal, yearWords } from './numbers.ts';
import { spokenTime } from './times.ts';

const MONTHS: Record<Language, string[]> = {
  es: 'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split(' '),
  en: 'January February March April May June July August September October November December'.split(' '),
};
const SHORT_MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sept? Oct Nov Dec'.split(' ');
const ENGLISH_MONTH = `(?<month>${MONTHS.en.join('|')}|(?:${SHORT_MONTHS.join('|')})\\b\\.?)`;

const EDGE = String.raw`(?<![\p{L}\p{N}]|\p{N}[.,:/-])`;
const END = String.raw`(?![\p{L}\p{N}]|[/-]\p{N})`;
const ISO = new RegExp(
  String.raw`${EDGE}(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?${END}`,
  'gu',
);
const NUMERIC = new RegExp(
  String.raw`${EDGE}(?<a>\d{1,2})(?<mark>[/.-])(?<b>\d{1,2})\k<mark>(?<year>\d{4}|\d{2})${END}(?!\.\d)`,
  'gu',
);
const WITHOUT_YEAR: Record<Language, RegExp> = {
  es: /(?<=(?<!\p{L})(?:el|del|al|día|desde|hasta|fecha|lunes|martes|miércoles|jueves|viernes|sábado|domingo),?\s)(?<a>\d{1,2})\/(?<b>\d{1,2})(?![\p{L}\p{N}/])/giu,
  en: /(?<=(?<!\p{L})(?:on|by|until|since|from|before|after|due|date|\p{L}+day),?\s)(?<a>\d{1,2})\/(?<b>\d{1,2})(?![\p{L}\p{N}/])/giu,
};
const ENGLISH_MONTH_FIRST = new RegExp(
  String.raw`(?<!\p{L})${ENGLISH_MONTH} (?<day>\d{1,2})(?:st|nd|rd|th)?(?:[-–](?<until>\d{1,2})(?:st|nd|rd|th)?)?(?:,? (?<year>\d{4}))?(?![\p{L}\p{N}:/%]|[.,]\d)`,
  'gu',
);
const ENGLISH_DAY_FIRST = new RegExp(
  String.raw`${EDGE}(?<day>\d{1,2})(?:st|nd|rd|th)? (?:of )?${ENGLISH_MONTH}(?:,? (?<year>\d{4}))?(?![\p{L}\p{N}])`,
  'gu',
);
const ENGLISH_MONTH_YEAR = new RegExp(
  String.raw`(?<!\p{L})${ENGLISH_MONTH},? (?<year>1[1-9]\d{2}|20\d{2})(?![\p{L}\p{N}])`,
  'gu',
);
const ENGLISH_YEAR =
  /(?<=(?<!\p{L})(?:in|since|by|until|from|year|of|before|after|during|and|to)\s)(?:1[6-9]\d{2}|20\d{2})(?![\p{L}\p{N}%€$]|[.,:]\d|\s?(?:%|€|\$)| \p{Ll}+s(?!\p{L}))/giu;
const ENGLISH_DECADE = /(?<![\p{L}\p{N}])(?:(?<century>1[6-9]|20)|['’])?(?<decade>[1-9]0)['’]?s(?!\p{L})/gu;
const SPANISH_FIRST = new RegExp(
  String.raw`${EDGE}1(?:\.?º|\.?er|ero|ro)?(?= de (?:${MONTHS.es.join('|')}))`,
  'giu',
);

/** Dates as they are read aloud; `11/12/2026` is December in Spanish and November in English. */
export function spokenDates(text: string, language: Language): string {
  const numeric = text
    .replace(ISO, (whole, ...rest) => {
      const { year, month, day, time } = groups(rest);
      const date = dateWords(Number(day), Number(month), year, language);
      if (date === undefined) return whole;
      return time === undefined ? date : `${date}, ${spokenTime(time, language)}`;
    })
    .replace(NUMERIC, (whole, ...rest) => {
      const { a, b, year } = groups(rest);
      return dayAndMonth(Number(a), Number(b), year, language) ?? whole;
    })
    .replace(WITHOUT_YEAR[language], (whole, ...rest) => {
      const { a, b } = groups(rest);
      return dayAndMonth(Number(a), Number(b), undefined, language) ?? whole;
    });
  if (language === 'es') return numeric.replace(SPANISH_FIRST, 'primero');
  return numeric
    .replace(ENGLISH_MONTH_FIRST, (whole, ...rest) => {
      const { day, month, until, year } = groups(rest);
      if (until === undefined) return dateWords(Number(day), monthOf(month ?? ''), year, 'en') ?? whole;
      const from = dateWords(Number(day), monthOf(month ?? ''), undefined, 'en');
      if (from === undefined || Number(until) < 1) return whole;
      return `${from} to ${ordinal(Number(until), 'en')}${year === undefined ? '' : `, ${yearWords(Number(year), 'en')}`}`;
    })
    .replace(ENGLISH_DAY_FIRST, (whole, ...rest) => {
      const { day, month, year } = groups(rest);
      const name = MONTHS.en[monthOf(month ?? '') - 1];
      if (Number(day) < 1 || Number(day) > 31) return whole;
      const date = `${ordinal(Number(day), 'en')} of ${name}`;
      return year === undefined ? date : `${date}, ${yearWords(Number(year), 'en')}`;
    })
    .replace(ENGLISH_MONTH_YEAR, (_, ...rest) => {
      const { month, year } = groups(rest);
      return `${MONTHS.en[monthOf(month ?? '') - 1]} ${yearWords(Number(year), 'en')}`;
    })
    .replace(ENGLISH_YEAR, (year) => yearWords(Number(year), 'en'))
    .replace(ENGLISH_DECADE, (_, ...rest) => {
      const { century, decade } = groups(rest);
      const tens = cardinal(BigInt(decade ?? 0), 'en')
        .replace(/y$/, 'ies')
        .replace(/n$/, 'ns');
      return century === undefined ? tens : `${cardinal(BigInt(century), 'en')} ${tens}`;
    });
}

function dayAndMonth(a: number, b: number, year: string | undefined, language: Language): string | undefined {
  const usual = language === 'es' ? dateWords(a, b, year, language) : dateWords(b, a, year, language);
  return usual ?? (language === 'es' ? dateWords(b, a, year, language) : dateWords(a, b, year, language));
}

/** @returns undefined when there is no such day */
function dateWords(
  day: number,
  month: number,
  year: string | undefined,
  language: Language,
): string | undefined {
  const name = MONTHS[language][month - 1];
  if (name === undefined || day < 1 || day > 31) return undefined;
  const full = year === undefined ? undefined : year.length === 2 ? 2000 + Number(year) : Number(year);
  if (language === 'en') {
    const date = `${name} ${ordinal(day, 'en')}`;
    return full === undefined ? date : `${date}, ${yearWords(full, 'en')}`;
  }
  const date = `${day === 1 ? 'primero' : cardinal(BigInt(day), 'es')} de ${name}`;
  return full === undefined ? date : `${date} de ${yearWords(full, 'es')}`;
}

function monthOf(name: string): number {
  return MONTHS.en.findIndex((month) => month.startsWith(name.replace('.', '').slice(0, 3))) + 1;
}

function groups(rest: unknown[]): Record<string, string | undefined> {
  const last = rest.at(-1);
  return typeof last === 'object' && last !== null ? (last as Record<string, string | undefined>) : {};
}
