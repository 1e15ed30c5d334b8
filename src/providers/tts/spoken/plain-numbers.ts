import type { Language } from '../../../config/config.ts';
import {
  APART,
  cardinal,
  codeWords,
  NUMBER,
  NUMBER_WITHOUT_SPACES,
  numberWords,
  ordinal,
  parseNumber,
  SIGN,
  yearWords,
} from './numbers.ts';
import { agreementOf } from './spanish-agreement.ts';

const END = String.raw`(?![\p{L}\p{N}])`;
const FRACTION = new RegExp(
  String.raw`${APART}(?:(?<whole>\d{1,3}) )?(?<over>\d{1,3})[/⁄](?<under>\d{1,3})(?![\p{L}\p{N}/]|[.,]\d)`,
  'gu',
);
/** «8,5/10». */
const MARK = new RegExp(String.raw`${APART}(\d+[.,]\d+)\/(\d{1,3})(?![\p{L}\p{N}/]|[.,]\d)`, 'gu');
const RANGE = new RegExp(
  String.raw`${APART}(?<low>${NUMBER})(?:[-–—]| [-–—] |(?<colon>:))(?<high>${NUMBER})${END}(?![-–—:/]\d)`,
  'gu',
);
const THOUSANDS = new RegExp(String.raw`${APART}(?<number>\d+(?:[.,]\d+)?)k${END}`, 'gu');
const PLAIN = new RegExp(`(?<sign>${SIGN})?(?<number>${NUMBER_WITHOUT_SPACES})`, 'gu');

const SAID = {
  es: {
    to: ' a ',
    minus: 'menos ',
    of: ' de ',
    outOf: ' sobre ',
    slash: ' barra ',
    and: ' y ',
    thousand: ' mil',
  },
  en: {
    to: ' to ',
    minus: 'minus ',
    of: ' out of ',
    outOf: ' out of ',
    slash: ' slash ',
    and: ' and ',
    thousand: ' thousand',
  },
} as const;

/** Fractions, ranges and all other numbers; after this no digit is left. */
export function spokenNumbers(text: string, language: Language): string {
  const say = SAID[language];
  return text
    .replace(FRACTION, (_, ...rest) => {
      const { whole, over, under } = rest.at(-1);
      const fraction = fractionWords(Number(over), Number(under), language);
      return whole === undefined ? fraction : `${cardinal(BigInt(whole), language)}${say.and}${fraction}`;
    })
    .replace(
      MARK,
      (_, points: string, most: string) =>
        `${numberWords(points, language)}${say.outOf}${cardinal(BigInt(most), language)}`,
    )
    .replace(RANGE, (whole, ...rest) => {
      const { low, high } = rest.at(-1);
      const [text = '', at = 0] = [rest.at(-2), rest.at(-3)];
      const after = text.slice(at + whole.length);
      return `${quantity('', low, after, language)}${say.to}${quantity('', high, after, language)}`;
    })
    .replace(THOUSANDS, (_, ...rest) => {
      const { number } = rest.at(-1);
      return number === '1' && language === 'es'
        ? say.thousand.trim()
        : `${numberWords(number, language, { gender: 'masculine', beforeNoun: true })}${say.thousand}`;
    })
    .replace(PLAIN, (whole, ...rest) => {
      const { sign, number } = rest.at(-1);
      const [text = '', at = 0] = [rest.at(-2), rest.at(-3)];
      const words = quantity(text.slice(0, at), number, text.slice(at + whole.length), language);
      const glued = /[\p{L}\p{N}]$/u.test(text.slice(0, at)) ? ' ' : '';
      const gluedAfter = /^[\p{L}\p{N}]/u.test(text.slice(at + whole.length)) ? ' ' : '';
      return `${glued}${sign === undefined ? '' : say.minus}${words}${gluedAfter}`;
    });
}

function quantity(before: string, written: string, after: string, language: Language): string {
  if (/^0\d+$/.test(written)) return codeWords(written, language);
  const amount = parseNumber(written, language);
  // A range of years, and nothing else, has four digits on both sides in most texts.
  if (language === 'en' && before === '' && /^(?:19|20)\d{2}$/.test(written) && !/^ \p{L}+s\b/u.test(after))
    return yearWords(Number(written), language);
  if (language === 'en' || amount === undefined) return numberWords(written, language);
  return numberWords(written, language, agreementOf(before, amount.integer, after));
}

const PARTS: Record<Language, Record<number, string>> = {
  es: { 2: 'medio', 3: 'tercio' },
  en: { 2: 'half', 4: 'quarter' },
};

/** «tres cuartos», «cuatro de cinco», “three quarters”; the rest with a slash. */
function fractionWords(over: number, under: number, language: Language): string {
  const say = SAID[language];
  const number = (value: number) => cardinal(BigInt(value), language);
  const isPart = under > 1 && under <= 10 && over > 0 && over < under;
  if (isPart && (over === 1 || [2, 3, 4, 8].includes(under))) {
    const part = PARTS[language][under] ?? ordinal(under, language);
    const many = part === 'half' ? 'halves' : `${part}s`;
    const count = language === 'es' && over === 1 ? 'un' : number(over);
    return `${count} ${over === 1 ? part : many}`;
  }
  // «24/7», «50/50».
  if (over === under || (over === 24 && under === 7)) return `${number(over)} ${number(under)}`;
  const slash = over <= under && over > 0 ? say.of : say.slash;
  return `${number(over)}${slash}${number(under)}`;
}
