import type { Language } from '../../../config/config.ts';
import { APART, codeWords, digitWords, dotted, parseNumber } from './numbers.ts';

const LETTERS: Record<string, string> = Object.fromEntries(
  (
    'A a|B be|C ce|D de|E e|F efe|G ge|H hache|I i|J jota|K ka|L ele|M eme|N ene|Ñ eñe|O o|P pe|Q cu|R erre|S ese|T te|' +
    'U u|V uve|W uve doble|X equis|Y i griega|Z zeta'
  )
    .split('|')
    .map((entry) => [entry[0] ?? '', entry.slice(2)]),
);

const INTERNATIONAL =
  /(?<![\p{L}\p{N}+])\+(?=\d)(?<number>\d{1,3}(?:[ .\u00a0-]?\(?\d{1,4}\)?){2,6})(?![\p{L}\p{N}])/gu;
const WITH_AREA = /(?<![\p{L}\p{N}])\(\d{2,4}\)[ .-]?\d{3,4}[ .-]?\d{3,4}(?![\p{L}\p{N}]|[.,]\d)/gu;
const GROUPED = new RegExp(
  String.raw`${APART}\d{2,4}(?<mark>[ \u00a0-])\d{2,4}(?:\k<mark>\d{2,4}){1,5}(?![\p{L}\p{N}]|[.,:/-]\d)`,
  'gu',
);
const AMERICAN = new RegExp(String.raw`${APART}\d{3}-\d{4}(?![\p{L}\p{N}]|[.,:/-]\d)`, 'gu');
const LONG = new RegExp(String.raw`${APART}(?:\d{7,}|0\d+)(?![\p{L}\p{N}]|[.,:/-]\d)`, 'gu');
const CODE: Record<Language, RegExp> = {
  es: /(?<=(?<!\p{L})(?:código(?: postal| de \p{L}+)?|PIN|pin|CP|CVV|clave|contraseña|extensión)(?: es)?:?\s)\d{3,6}(?![\p{L}\p{N}]|[.,:/-]\d)/giu,
  en: /(?<=(?<!\p{L})(?:code|PIN|zip|postcode|password|passcode|extension|CVV)(?: is)?:?\s)\d{3,6}(?![\p{L}\p{N}]|[.,:/-]\d)/giu,
};
/** ISO 13616: `ES91 2100 0418 4502 0005 1332`. */
const IBAN = /(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){3,7}(?: ?[A-Z\d]{1,3})?(?![\p{L}\p{N}])/gu;
const HASH_NUMBER = /(?<![\p{L}\p{N}&/#])#\s?(?=[\p{Lu}\d])(?=[\p{Lu}-]*\d)/gu;
const VERSION = /(?<![\p{L}\p{N}])v\.?\s?(?=\d+(?:\.\d+)*(?![\p{L}\p{N}]))/giu;
const VERSION_NUMBER: Record<Language, RegExp> = {
  es: /(?<=(?<!\p{L})versi(?:ón|ones)\s)\d+(?:\.\d+)+(?![\p{L}\p{N}]|[,:/-]\d)/giu,
  en: /(?<=(?<!\p{L})(?:versions?|release)\s)\d+(?:\.\d+)+(?![\p{L}\p{N}]|[,:/-]\d)/giu,
};
const DOTTED = new RegExp(String.raw`${APART}\d+(?:\.\d+){2,}(?![\p{L}\p{N}]|[,:/-]\d)`, 'gu');
/** «12 000»: what else would it be. */
const ROUND = new RegExp(String.raw`${APART}\d{1,3}(?: \d{3})* 000(?![\p{L}\p{N}]|[.,]\d| \d)`, 'gu');
/** «1 500 personas»: the RAE writes thousands so. */
const COUNTED = new RegExp(String.raw`${APART}[1-9]\d{0,2}(?: \d{3})+(?= \p{Ll}{3,}s(?!\p{L}))`, 'gu');
/** Letters and digits in one: `AB-123`, `MP3`, `COVID-19`, `x86_64`. */
const MIXED =
  /(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_/-]*[0-9])(?=[\p{L}\p{N}_/-]*\p{L})[\p{L}0-9]+(?:[-_/]?[\p{L}0-9]+)*/gu;

const SAID = {
  es: { plus: 'más', number: 'número', version: 'versión', times: 'por' },
  en: { plus: 'plus', number: 'number', version: 'version', times: 'by' },
} as const;

/** Telephone numbers, codes, tickets, versions and other strings that are no quantities, read as people read them. */
export function spokenDigitStrings(text: string, language: Language): string {
  const say = SAID[language];
  const groups = (whole: string) =>
    (whole.match(/\d+/g) ?? []).map((group) => digitWords(group, language)).join(', ');
  return text
    .replace(ROUND, (number) => number.replaceAll(' ', ''))
    .replace(COUNTED, (number) => number.replaceAll(' ', ''))
    .replace(IBAN, (iban) =>
      (iban.replaceAll(' ', '').match(/.{1,4}/g) ?? [])
        .map((group) =>
          (group.match(/\d+|[A-Z]/g) ?? [])
            .map((run) => (/\d/.test(run) ? digitWords(run, language) : letterWords(run, language)))
            .join(' '),
        )
        .join(', '),
    )
    .replace(INTERNATIONAL, (whole) => {
      const length = whole.replace(/\D/g, '').length;
      if (length < 8 || length > 15) return whole;
      return `${say.plus} ${/\d{5}/.test(whole) ? codeWords(whole.replace(/\D/g, ''), language) : groups(whole)}`;
    })
    .replace(WITH_AREA, groups)
    .replace(GROUPED, (whole) => {
      const digits = whole.replace(/\D/g, '');
      return digits.length < 7 ? whole : groups(whole);
    })
    .replace(AMERICAN, groups)
    .replace(CODE[language], (digits) => digitWords(digits, language))
    .replace(LONG, (digits) => (/^[1-9]\d*000$/.test(digits) ? digits : codeWords(digits, language)))
    .replace(HASH_NUMBER, `${say.number} `)
    .replace(VERSION, `${say.version} `)
    .replace(VERSION_NUMBER[language], (version) => dotted(version, language))
    .replace(DOTTED, (version) =>
      parseNumber(version, language) === undefined ? dotted(version, language) : version,
    )
    .replace(MIXED, (token) => (/^\d+k$/.test(token) ? token : mixedWords(token, language)));
}

function mixedWords(token: string, language: Language): string {
  return (token.match(/\d+|\p{L}+/gu) ?? [])
    .map((run, index, runs) => {
      if (/^\d/.test(run)) return codeWords(run, language);
      const between = /^\d/.test(runs[index - 1] ?? '') && /^\d/.test(runs[index + 1] ?? '');
      if (run === 'x' && between) return SAID[language].times;
      return letterWords(run, language);
    })
    .join(' ');
}

/** Letters that nobody can say as a word one by one: «MP», «AB», but not «COVID». */
function letterWords(run: string, language: Language): string {
  const spelled =
    run.length === 1 || (run === run.toUpperCase() && (run.length === 2 || !/[AEIOUÁÉÍÓÚ]/.test(run)));
  if (!spelled) return run;
  const letters = [...run.toUpperCase()];
  return letters.map((letter) => (language === 'es' ? (LETTERS[letter] ?? letter) : letter)).join(' ');
}
