import type { Language } from '../../../config/config.ts';
import { APART, cardinal, ordinal } from './numbers.ts';

const SPANISH = new RegExp(
  String.raw`${APART}(?<number>\d{1,3})\.?(?:(?<masculine>º|°|er|ro|ero|do|to|mo|vo|no)|(?<feminine>ª|ra|da|ta|ma|va|na))(?<!\.(?:ro|ero|do|to|mo|vo|no|da|ta|ma|va|na))(?![\p{L}\p{N}])`,
  'gu',
);
const ENGLISH = new RegExp(
  String.raw`${APART}(?<number>\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th)(?![\p{L}\p{N}])`,
  'gu',
);

const ROMAN = String.raw`(?=[IVXLC])(?:C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?!\p{L})`;
const SPANISH_CENTURIES = new RegExp(
  String.raw`(?<=(?<!\p{L})siglos?\s)${ROMAN}(?:(?:\s?[-–,]\s?|\s(?:y|al|a|o)\s(?:el\s|finales del\s)?)${ROMAN})*`,
  'giu',
);
const SPANISH_PARTS = new RegExp(
  String.raw`(?<=(?<!\p{L})(?:capítulo|tomo|volumen|acto|título|anexo)\s)${ROMAN}`,
  'giu',
);
const ENGLISH_PARTS = new RegExp(
  String.raw`(?<=(?<!\p{L})(?:chapter|volume|part|act|section|annex|World War)\s)${ROMAN}`,
  'giu',
);

/** «1.º», «3.ª», «1st», and Roman numbers where they can be nothing else: «siglo XXI», “World War II”. */
export function spokenOrdinals(text: string, language: Language): string {
  const roman = new RegExp(ROMAN, 'giu');
  const parts = (numeral: string) => (isCapital(numeral) ? cardinal(romanValue(numeral), language) : numeral);
  if (language === 'en')
    return text
      .replace(ENGLISH, (_, ...rest) => ordinalOf(rest.at(-1).number, 'en'))
      .replace(ENGLISH_PARTS, parts);
  return text
    .replace(SPANISH, (whole, ...rest) => {
      const { number, feminine } = rest.at(-1);
      const gender = feminine === undefined ? 'masculine' : 'feminine';
      return ordinalOf(number, 'es', { gender, beforeNoun: whole.endsWith('er') });
    })
    .replace(SPANISH_CENTURIES, (numerals) =>
      numerals.replace(roman, (numeral) => {
        if (!isCapital(numeral)) return numeral;
        const value = romanValue(numeral);
        return value <= 10n ? ordinal(Number(value), 'es') : cardinal(value, 'es');
      }),
    )
    .replace(SPANISH_PARTS, parts);
}

function ordinalOf(digits: string, language: Language, agreement?: Parameters<typeof ordinal>[2]): string {
  const value = Number(digits.replaceAll(',', ''));
  // There is no «zeroth»; and above 2^53 a number is no longer itself.
  if (value === 0 || !Number.isSafeInteger(value))
    return cardinal(BigInt(digits.replaceAll(',', '')), language);
  return ordinal(value, language, agreement);
}

/** «capítulo mi» has Roman letters too. */
function isCapital(numeral: string): boolean {
  return numeral !== '' && numeral === numeral.toUpperCase();
}

const VALUES: Record<string, number> = { I: 1, V: 5, X: 10, L: 50, C: 100 };

function romanValue(numeral: string): bigint {
  const digits = [...numeral].map((letter) => VALUES[letter] ?? 0);
  const sum = digits.reduce(
    (total, digit, at) => total + (digit < (digits[at + 1] ?? 0) ? -digit : digit),
    0,
  );
  return BigInt(sum);
}
