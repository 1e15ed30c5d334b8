import type { Language } from '../config/config.ts';
import { LOCALES } from '../config/locales.ts';
import { remembered } from './remember.ts';

/** How the values of one document are written: whose clock, and in which money. */
export interface ValueFormat {
  language: Language;
  /** IANA name of the person's time zone; points in time stay in the one that they were written in unless given. */
  timeZone?: string;
}

const EDGE = String.raw`(?<![\p{L}\p{N}:/+-]|\p{N}[.,])`;
const END = String.raw`(?![\p{L}\p{N}]|[.:/-]\p{N})`;
/** ISO 8601 dates, and points in time with or without an offset. */
const DATE = new RegExp(
  String.raw`${EDGE}(?<date>[12]\d{3}-\d{2}-\d{2})(?:[T ](?<clock>\d{2}:\d{2})(?::\d{2}(?:\.\d{1,9})?)?\s?(?<zone>Z|[+-]\d{2}:?\d{2})?)?${END}`,
  'gu',
);
/** A time of day with seconds that nobody says. */
const CLOCK = new RegExp(String.raw`${EDGE}((?:[01]\d|2[0-3]):[0-5]\d):00${END}`, 'gu');
const CODE = '[A-Z]{3}|[€£]';
/** A number as programs write it; «1.200» and «1,200» are different sums to different people and stay as they are. */
const SUM = String.raw`-?\d{1,12}(?:\.\d{1,2})?`;
const MONEY = new RegExp(
  String.raw`${EDGE}(?:(?<before>${CODE})\s?(?<number>${SUM})|(?<sum>${SUM})\s?(?<after>${CODE}))(?![\p{L}\p{N}]|[.,:/-]\p{N})`,
  'gu',
);
const SIGNS: Readonly<Record<string, string>> = { '€': 'EUR', '£': 'GBP' };
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/**
 * Dates, points in time and sums of money in a text as people write them: `2026-05-03T10:30:00` is «3 de mayo de 2026,
 * 10:30», `1200.5 EUR` is «1.200,50 €». Everything else stays. The voice reads these forms aloud, and so does a small
 * model. A point in time is told in `timeZone`; without one, with the clock that it was written with, and «UTC» where it
 * was that. Midnight is a date.
 */
export function naturalText(text: string, format: ValueFormat): string {
  return text
    .replace(DATE, (whole, ...rest) => {
      const { date = '', clock, zone } = groups(rest);
      return dateText(date, clock, zone, format) ?? whole;
    })
    .replace(CLOCK, '$1')
    .replace(MONEY, (whole, ...rest) => {
      const { before, number, sum, after } = groups(rest);
      const code = before ?? after ?? '';
      return moneyText(Number(number ?? sum), SIGNS[code] ?? code, format) ?? whole;
    });
}

/** A number as it is written in the language; `1200` stays `1200`: it may be no amount. */
export function numberText(value: number, { language }: ValueFormat): string {
  const plain = String(value);
  return language === 'es' && /^-?\d+\.\d+$/u.test(plain) ? plain.replace('.', ',') : plain;
}

/** «1.200,50 €». @returns undefined when `currency` is no code of ISO 4217 */
export function moneyText(amount: number, currency: string, { language }: ValueFormat): string | undefined {
  const code = currency.toUpperCase();
  if (!CURRENCIES.has(code) || !Number.isFinite(amount)) return undefined;
  return plainSpaces(moneyFormat(language, code).format(amount));
}

/** Whether this is the name of a time zone that is known here. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** @returns undefined when there is no such day or time */
function dateText(
  date: string,
  clock: string | undefined,
  zone: string | undefined,
  { language, timeZone }: ValueFormat,
): string | undefined {
  const written = new Date(`${date}T${clock ?? '00:00'}:00Z`);
  if (Number.isNaN(written.getTime()) || !written.toISOString().startsWith(date)) return undefined;
  if (clock === undefined) return dateFormat(language, 'UTC').format(written);
  if (zone !== undefined && timeZone !== undefined) {
    const instant = new Date(`${date}T${clock}:00${zone.replace(/^(...)(\d\d)$/u, '$1:$2')}`);
    return Number.isNaN(instant.getTime()) ? undefined : momentText(instant, language, timeZone);
  }
  if (clock === '00:00') return dateFormat(language, 'UTC').format(written);
  return `${momentText(written, language, 'UTC')}${zone === 'Z' ? ' UTC' : ''}`;
}

function momentText(moment: Date, language: Language, timeZone: string): string {
  const date = dateFormat(language, timeZone).format(moment);
  return `${date}, ${plainSpaces(clockFormat(language, timeZone).format(moment))}`;
}

// Formats of Intl take a millisecond to make. There are few languages, currencies and zones.
const dateFormat = remembered(
  (language: Language, timeZone: string) =>
    new Intl.DateTimeFormat(LOCALES[language], { timeZone, dateStyle: 'long' }),
);

const clockFormat = remembered(
  (language: Language, timeZone: string) =>
    new Intl.DateTimeFormat(LOCALES[language], { timeZone, timeStyle: 'short' }),
);

const moneyFormat = remembered(
  (language: Language, currency: string) =>
    new Intl.NumberFormat(LOCALES[language], {
      style: 'currency',
      currency,
      useGrouping: 'always',
      trailingZeroDisplay: 'stripIfInteger',
    }),
);

/** Intl writes narrow and no-break spaces. */
function plainSpaces(text: string): string {
  return text.replace(/[\u00a0\u202f]/gu, ' ');
}

function groups(rest: unknown[]): Record<string, string | undefined> {
  const last = rest.at(-1);
  return typeof last === 'object' && last !== null ? (last as Record<string, string | undefined>) : {};
}
