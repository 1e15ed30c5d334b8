import { createContext, type ReactNode, useContext } from 'react';
import { en } from './en.ts';
import { es } from './es.ts';
import type { Language, Messages } from './messages.ts';

export const MESSAGES: Readonly<Record<Language, Messages>> = { es, en };

const LanguageContext = createContext<Language>('es');

/** Gives the words of `language` to everything below it. */
export function LanguageProvider({ language, children }: { language: Language; children: ReactNode }) {
  return <LanguageContext value={language}>{children}</LanguageContext>;
}

/** The words of the current language. */
export function useMessages(): Messages {
  return MESSAGES[useContext(LanguageContext)];
}

/** The current language. */
export function useLanguage(): Language {
  return useContext(LanguageContext);
}
