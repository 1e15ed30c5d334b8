import type { Language } from './config.ts';

/** Each language as it is written and spoken somewhere, BCP 47; `en` as in the United States. */
export const LOCALES = { es: 'es-ES', en: 'en-US' } as const satisfies Record<Language, string>;
