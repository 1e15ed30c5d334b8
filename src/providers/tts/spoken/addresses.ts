import type { Language } from '../../../config/config.ts';

const SAID: Record<Language, Record<string, string>> = {
  es: {
    ...{ '.': 'punto', '@': 'arroba', '-': 'guion', _: 'guion bajo', '/': 'barra', '+': 'más', '&': 'y' },
    ...{ '?': 'interrogación', '=': 'igual', '#': 'almohadilla', ':': 'dos puntos', '%': 'por ciento' },
    ...{ '~': 'virgulilla', ',': 'coma', ';': 'punto y coma', "'": 'apóstrofo', $: 'dólar' },
    ...{ '!': 'exclamación', '*': 'asterisco', '(': '', ')': '' },
  },
  en: {
    ...{ '.': 'dot', '@': 'at', '-': 'dash', _: 'underscore', '/': 'slash', '+': 'plus', '&': 'and' },
    ...{ '?': 'question mark', '=': 'equals', '#': 'hash', ':': 'colon', '%': 'percent' },
    ...{ '~': 'tilde', ',': 'comma', ';': 'semicolon', "'": 'apostrophe', $: 'dollar' },
    ...{ '!': 'exclamation mark', '*': 'asterisk', '(': '', ')': '' },
  },
};

const EMAIL =
  /[\p{L}\p{N}_][\p{L}\p{N}._%+'-]*@[\p{L}\p{N}][\p{L}\p{N}-]*(?:\.[\p{L}\p{N}-]*[\p{L}\p{N}])+/gu;
const URL = /(?<![\p{L}\p{N}])(?:https?:\/\/|www\.)[^\s<>"«»“”\])]*[^\s<>"«»“”\]).,;:!?…'’]/giu;
/** Domains and files without a scheme, by their usual endings, so that «fin.Luego» is none. */
const BARE =
  /(?<![\p{L}\p{N}._@/-])(?=[\p{N}-]*\p{L})[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.(?:com|es|org|net|io|mx|ar|cl|co|pe|uy|cat|eu|uk|dev|app|ai|info|edu|gov|gob|pdf|docx?|xlsx?|csv|txt|json|xml|zip|png|jpe?g|mp3|html?)(?:\/[^\s<>"«»“”\])]*[^\s<>"«»“”\]).,;:!?…'’])?(?![\p{L}\p{N}_@-]|\.[\p{L}\p{N}])/giu;
const HANDLE = /(?<![\p{L}\p{N}_.])@(?=[\p{L}\p{N}_])/gu;
const HASHTAG = /(?<![\p{L}\p{N}&/#])#(?=\p{L})/gu;

/** E-mail addresses, URLs, domains, file names, @names and #tags as they are read aloud: «ana punto lópez arroba …». */
export function spokenAddresses(text: string, language: Language): string {
  const spell = (address: string) => spelled(address.replace(/^https?:\/\//i, ''), language);
  return text
    .replace(EMAIL, spell)
    .replace(URL, spell)
    .replace(BARE, spell)
    .replace(HANDLE, `${SAID[language]['@']} `)
    .replace(HASHTAG, `${SAID[language]['#']} `);
}

function spelled(address: string, language: Language): string {
  const bare = address
    .replace(/\/$/, '')
    .replace(/^www\./i, language === 'es' ? 'triple uve doble.' : 'w w w.');
  return (
    bare
      .replace(/[^\p{L}\p{N}\s]/gu, (mark) => ` ${SAID[language][mark] ?? ''} `)
      // A name with digits: «ana23» is two words.
      .replace(/(?<=\p{L})(?=\d)|(?<=\d)(?=\p{L})/gu, ' ')
      .replace(/\s+/g, ' ')
      .trim()
  );
}
