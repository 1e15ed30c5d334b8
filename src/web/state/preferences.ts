import { persist } from 'zustand/middleware';
import { createStore } from 'zustand/vanilla';
import type { Theme } from '../api/charla-api.ts';
import type { Language } from '../i18n/messages.ts';

export interface Preferences {
  /** Undefined until the person chooses: then the server's settings decide. */
  theme: Theme | undefined;
  language: Language | undefined;
  /** A stable random id, for people whom nobody named with `?user_id=`. */
  userId: string;
}

/** What the browser remembers of the person between visits. */
export function createPreferences() {
  const store = createStore<Preferences>()(
    persist((): Preferences => ({ theme: undefined, language: undefined, userId: randomId() }), {
      name: 'charla.preferences',
      version: 1,
    }),
  );
  // Only a change is written down, and a new person's id has to be there on the next visit.
  store.setState({});
  return store;
}

/** What the address of the page asks for: `?user_id=`, `?theme=`, `?lang=`. */
export function readAddress(search: string): {
  userId: string | undefined;
  theme: Theme | undefined;
  language: Language | undefined;
} {
  const query = new URLSearchParams(search);
  const theme = query.get('theme');
  const language = query.get('lang');
  return {
    userId: query.get('user_id')?.trim() || undefined,
    theme: theme === 'modern' || theme === 'minimal' || theme === 'dark' ? theme : undefined,
    language: language === 'es' || language === 'en' ? language : undefined,
  };
}

/** `crypto.randomUUID` is missing where the page is not on https or localhost; this is not. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
