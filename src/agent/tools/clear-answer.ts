import type { Language } from '../../config/config.ts';

/** Words that say yes, alone or together. */
const YES: Readonly<Record<Language, string>> = {
  es: 'si claro vale correcto exacto exactamente confirmo confirmado adelante hazlo hagalo cambialo cambielo ok okey okay perfecto venga afirmativo efectivamente dale',
  en: 'yes yeah yep yup sure correct right exactly confirm confirmed absolutely definitely certainly ok okay perfect affirmative',
};
/** Yes in several words. */
const YES_PHRASES: Readonly<Record<Language, readonly string[]>> = {
  es: [
    'claro que si',
    'por supuesto',
    'desde luego',
    'de acuerdo',
    'eso es',
    'asi es',
    'esta bien',
    'me parece bien',
    'lo confirmo',
    'si lo confirmo',
    'puedes hacerlo',
    'puedes cambiarlo',
  ],
  en: [
    'go ahead',
    'do it',
    'do that',
    'of course',
    'that is right',
    'thats right',
    'that is correct',
    'thats correct',
    'please do',
    'i confirm',
    'i do',
    'you may',
    'change it',
    'sounds good',
    'all right',
  ],
};
const NO: Readonly<Record<Language, string>> = {
  es: 'no nunca jamas cancela cancelalo dejalo dejelo para nada negativo olvidalo espera',
  en: 'no nope nah never cancel stop dont wait negative',
};
const NO_PHRASES: Readonly<Record<Language, readonly string[]>> = {
  es: [
    'mejor no',
    'no quiero',
    'no lo hagas',
    'no lo cambies',
    'no lo confirmo',
    'todavia no',
    'aun no',
    'ahora no',
    'asi no',
    'claro que no',
    'por supuesto que no',
    'no es correcto',
    'no esta bien',
    'de ninguna manera',
  ],
  en: [
    'do not',
    'not now',
    'not yet',
    'no way',
    'leave it',
    'never mind',
    'dont do it',
    'dont do that',
    'dont change it',
    'i do not',
    'i dont',
    'of course not',
    'thats wrong',
    'that is wrong',
    'thats not right',
  ],
};
/** Words around an answer that change nothing. */
const COURTESY: Readonly<Record<Language, string>> = {
  es: 'por favor gracias muchas pues bueno eh em mmm hola oye señor señora señorita',
  en: 'please thanks thank you well um uh hmm hey then that it is lets',
};

/**
 * Whether somebody has clearly said yes, or no, to a question: every word of theirs belongs to such an answer. Anything
 * else («sí, pero…», «¿sí?», «no, sí») is neither: then one asks again. Accents, case and punctuation do not count, but for
 * the question mark.
 */
export function clearAnswer(text: string, language: Language): 'yes' | 'no' | undefined {
  if (/[?¿]/u.test(text)) return undefined;
  const said = text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/['’]/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  if (said === '') return undefined;
  const no = isMadeOf(said, NO_PHRASES[language], NO[language], COURTESY[language]);
  if (no) return 'no';
  return isMadeOf(said, YES_PHRASES[language], YES[language], COURTESY[language]) ? 'yes' : undefined;
}

/** Whether a text has at least one of the phrases or words, and nothing else but courtesy. */
function isMadeOf(said: string, phrases: readonly string[], words: string, courtesy: string): boolean {
  let rest = ` ${said.split(' ').join('  ')} `;
  let found = false;
  for (const phrase of [...phrases].sort((a, b) => b.length - a.length)) {
    const spaced = ` ${phrase.split(' ').join('  ')} `;
    found ||= rest.includes(spaced);
    rest = rest.replaceAll(spaced, ' ');
  }
  const own = new Set(words.split(' '));
  const polite = new Set(unaccented(courtesy).split(' '));
  return rest
    .split(' ')
    .filter((word) => word !== '')
    .reduce<boolean>((isSo, word) => {
      found ||= own.has(word);
      return isSo && (own.has(word) || polite.has(word));
    }, true)
    ? found
    : false;
}

function unaccented(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '');
}
