import { createContext, type ReactNode, useContext } from 'react';
import { useStore } from 'zustand';
import type { Settings, Theme } from '../api/charla-api.ts';
import type { Language } from '../i18n/messages.ts';
import type { CallState } from '../state/call.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Services } from '../state/services.ts';

const ServicesContext = createContext<Services | undefined>(undefined);

export function ServicesProvider({ services, children }: { services: Services; children: ReactNode }) {
  return <ServicesContext value={services}>{children}</ServicesContext>;
}

/** What the page can do. */
export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error('useServices needs a ServicesProvider above it');
  return services;
}

/** A part of the call's state. */
export function useCall<T>(select: (state: CallState) => T): T {
  return useStore(useServices().call.store, select);
}

/** A part of what was said and noticed. */
export function useConversation<T>(select: (state: Conversation) => T): T {
  return useStore(useServices().conversation.store, select);
}

/** A part of the server's settings. */
export function useSettings<T>(select: (settings: Settings) => T): T {
  return useStore(useServices().settings, select);
}

/** The page's language and theme as of now: the person's choice, else the address, else the server's settings. */
export function useAppearance(): { language: Language; theme: Theme } {
  const { preferences, settings, language, theme } = useServices();
  useStore(preferences);
  useStore(settings);
  return { language: language(), theme: theme() };
}
