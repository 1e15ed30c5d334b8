import { toCardinal, toOrdinal } from 'n2words/en-US';
import type { Language } from '../../../config/config.ts';
import { type Agreement, ALONE, LARGEST, spanishCardinal, spanishOrdinal } from './spanish-numbers.ts';

/** A number as it is written, without a sign: `1200`, `1.200,50`, `1,200.50`, with narrow spaces too. */
export const NUMBER_WITHOUT_SPACES = String.raw`(?:\d{1,3}(?:[\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)(?!\d)`;
/** The same, also `1 200`: only where a unit or a currency says that it is one number. */
export const NUMBER = String.raw`(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)(?!\d)`;
/** What must not stand before a number: it would be part of a word or of another number. */
export const APART = String.raw`(?<![\p{L}\p{N}_]|\p{N}[.,:/])`;
/** A minus that is no hyphen and no bullet. */
export const SIGN = String.raw`(?<![^\s(«"“¿¡:])[-−](?=\d)`;

export interface Amount {
  integer: bigint;
  /** Digits behind the decimal mark; undefined when there is none. */
  fraction?: string;
  /** The decimal mark, as it was written. */
  mark?: '.' | ',';
}

const GROUPS_OF_THREE = /^\d{1,3}(?:[.,]\d{3})+$/;

/**
 * What a written number means. A mark that comes last and once is decimal, one before groups of three is not; alone
 * before three digits it means thousands («1.200», «1,200»), except an English «1.200».
 *
 * @returns undefined when it is no number but a version or an address: `2.0.0`
 */
export function parseNumber(written: string, language: Language): Amount | undefined {
  const text = written.replace(/[ \u00a0\u202f]/g, '');
  const marks = text.match(/[.,]/g) ?? [];
  const last = marks.at(-1) as '.' | ',' | undefined;
  if (last === undefined) return { integer: BigInt(text) };
  const kinds = new Set(marks).size;
  const alone = marks.length === 1 && !(language === 'en' && last === '.') && !text.startsWith('0');
  if (kinds === 1 && (marks.length > 1 || alone) && GROUPS_OF_THREE.test(text))
    return { integer: BigInt(text.replace(/[.,]/g, '')) };
  const at = text.lastIndexOf(last);
  const head = text.slice(0, at);
  if (head.includes(last) || (kinds === 2 && !GROUPS_OF_THREE.test(head))) return undefined;
  return { integer: BigInt(head.replace(/[.,]/g, '')), fraction: text.slice(at + 1), mark: last };
}

const POINT = { es: { '.': 'punto', ',': 'coma' }, en: { '.': 'point', ',': 'point' } } as const;

/** A written number in words; what {@link parseNumber} cannot read is read part by part. */
export function numberWords(written: string, language: Language, agreement: Agreement = ALONE): string {
  const amount = parseNumber(written, language);
  return amount === undefined ? dotted(written, language) : amountWords(amount, language, agreement);
}

/** An amount in words: «tres coma catorce», “three point one four”. */
export function amountWords(
  { integer, fraction, mark }: Amount,
  language: Language,
  agreement = ALONE,
): string {
  if (fraction === undefined || mark === undefined) return cardinal(integer, language, agreement);
  const whole = cardinal(integer, language, { ...agreement, beforeNoun: false });
  return `${whole} ${POINT[language][mark]} ${fractionWords(fraction, language)}`;
}

/** A whole number in words; one beyond all names digit by digit. */
export function cardinal(value: bigint, language: Language, agreement: Agreement = ALONE): string {
  if (value > LARGEST) return digitWords(value.toString(), language);
  return language === 'es' ? spanishCardinal(value, agreement) : toCardinal(value);
}

/** @param value - from 1 on */
export function ordinal(value: number, language: Language, agreement: Agreement = ALONE): string {
  return language === 'es' ? spanishOrdinal(value, agreement) : toOrdinal(value);
}

/** Digits one by one: «cero ocho», “zero eight”. */
export function digitWords(digits: string, language: Language): string {
  return [...digits].map((digit) => cardinal(BigInt(digit), language)).join(' ');
}

/** Parts between marks as they are read in a version: «dos punto cero punto uno». */
export function dotted(written: string, language: Language): string {
  return written
    .split(/([.,])/)
    .map((part) =>
      part === '.' || part === ',' ? POINT[language][part] : codeWords(part.replace(/\D/g, ''), language),
    )
    .join(' ');
}

/** Digits of a code: a short one as a number, a longer one, or one with zeros in front, digit by digit. */
export function codeWords(digits: string, language: Language): string {
  if (digits.length <= 4 && !/^0\d/.test(digits)) return cardinal(BigInt(digits || '0'), language);
  return groupedDigits(digits)
    .map((group) => digitWords(group, language))
    .join(', ');
}

/** Long strings of digits in groups that can be written down: three, and what is left in the last one or two. */
function groupedDigits(digits: string): string[] {
  if (digits.length <= 5) return [digits];
  const size = digits.length % 4 === 0 ? 4 : 3;
  const groups = digits.match(new RegExp(`\\d{1,${size}}`, 'g')) ?? [];
  const last = groups.at(-1) ?? '';
  // A single digit at the end goes with the group before it.
  if (last.length === 1) groups.splice(-2, 2, `${groups.at(-2) ?? ''}${last}`);
  return groups;
}

/** Years in English go by pairs: “nineteen eighty-four”, “twenty twenty-six”. */
export function yearWords(year: number, language: Language): string {
  const pairs = language === 'en' && year >= 1100 && year <= 2099 && Math.floor(year / 10) !== 200;
  if (!pairs) return cardinal(BigInt(year), language);
  const century = toCardinal(Math.floor(year / 100));
  const rest = year % 100;
  if (rest === 0) return `${century} hundred`;
  return `${century} ${rest < 10 ? 'oh ' : ''}${toCardinal(rest)}`;
}

function fractionWords(digits: string, language: Language): string {
  if (language === 'en') return digitWords(digits, language);
  const rest = digits.replace(/^0+/, '');
  if (rest.length === 0 || rest.length > 2) return digitWords(digits, language);
  const zeros = digitWords('0'.repeat(digits.length - rest.length), language);
  return `${zeros} ${cardinal(BigInt(rest), language)}`.trim();
}
