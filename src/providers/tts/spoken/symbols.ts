import type { Language } from '../../../config/config.ts';

const SAID: Record<Language, Record<string, string>> = {
  es: {
    ...{ '&': 'y', '@': 'arroba', '+': 'más', '=': 'igual a', '×': 'por', '÷': 'entre', '±': 'más menos' },
    ...{
      '%': 'por ciento',
      '‰': 'por mil',
      '€': 'euros',
      $: 'dólares',
      '£': 'libras',
      '¥': 'yenes',
      '¢': 'céntimos',
    },
    ...{
      '°': 'grados',
      '#': 'almohadilla',
      '§': 'sección',
      '*': 'asterisco',
      '≈': 'aproximadamente',
      '≤': 'menor o igual que',
    },
    ...{ '≥': 'mayor o igual que', '√': 'raíz de', '∞': 'infinito', π: 'pi', '≠': 'distinto de' },
  },
  en: {
    ...{
      '&': 'and',
      '@': 'at',
      '+': 'plus',
      '=': 'equals',
      '×': 'times',
      '÷': 'divided by',
      '±': 'plus or minus',
    },
    ...{
      '%': 'percent',
      '‰': 'per thousand',
      '€': 'euros',
      $: 'dollars',
      '£': 'pounds',
      '¥': 'yen',
      '¢': 'cents',
    },
    ...{ '°': 'degrees', '#': 'hash', '§': 'section', '≈': 'approximately', '≤': 'at most' },
    ...{ '≥': 'at least', '√': 'root of', '∞': 'infinity', π: 'pi', '≠': 'not equal to' },
  },
};
const SIGNS = new RegExp(`[${Object.keys(SAID.es).join('')}]`, 'g');
const BETWEEN = {
  es: { '<': 'menor que', '>': 'mayor que', '*': 'por', x: 'por', '-': 'menos' },
  en: { '<': 'less than', '>': 'greater than', '*': 'times', x: 'times', '-': 'minus' },
} as const;

const THAN = {
  es: { '<': 'menos de', '>': 'más de' },
  en: { '<': 'less than', '>': 'more than' },
} as const;

/** Signs between numbers, where they mean a sum or a size; before the numbers become words. */
export function spokenOperators(text: string, language: Language): string {
  return (
    text
      .replace(/(?<=\d\s?)(?<sign>[<>*]|[x×](?=\s?\d))(?=\s?\d)/g, (sign) => {
        const word = Object.entries(BETWEEN[language]).find(([key]) => key === sign.replace('×', 'x'))?.[1];
        return ` ${word ?? ''} `;
      })
      .replace(/(?<=\d)\s?[-−–]\s?(?=\d+(?:[.,]\d+)*\s?=)/g, ` ${BETWEEN[language]['-']} `)
      .replace(/(?<=\d)\s?\/\s?(?=\d+(?:[.,]\d+)*\s?=)/g, '÷')
      .replace(/(?<!\d\s?)([<>])\s?(?=\d)/g, (sign) => `${THAN[language][sign === '<' ? '<' : '>']} `)
      .replace(
        /[¼½¾⅓⅔⅛⅜⅝⅞]/g,
        (fraction, at: number, whole: string) =>
          `${/\d$/.test(whole.slice(0, at)) ? ' ' : ''}${fraction.normalize('NFKC').replace('⁄', '/')}`,
      )
      // Circled and raised digits, and those of wide writing.
      .replace(/[\p{No}\uff10-\uff19]/gu, (digit) => {
        const value = digit.normalize('NFKC').replace(/[^0-9]/g, '');
        return value === '' ? digit : value;
      })
      .replace(/~(?=\s?\d)/g, language === 'es' ? 'unos ' : 'about ')
  );
}

/** All signs that are left and that a voice would skip or spell: «&» is «y». */
export function spokenSymbols(text: string, language: Language): string {
  return (
    text
      .replace(SIGNS, (sign) => ` ${SAID[language][sign] ?? ''} `)
      // «y/o» is said in one breath, «él/ella» with a pause.
      .replace(/(?<!\p{L})(y|and|e)\/(o|or|u)(?!\p{L})/giu, '$1 $2')
      .replace(/\s*[/|\\]\s*/g, ', ')
      .replace(/[_^~`{}[\]<>]/g, ' ')
  );
}
