import type { Room } from 'livekit-client';
import { createStore } from 'zustand/vanilla';
import {
  type CharlaApi,
  createCharlaApi,
  DEFAULT_SETTINGS,
  type Settings,
  type Theme,
} from '../api/charla-api.ts';
import type { Language } from '../i18n/messages.ts';
import { createCall } from './call.ts';
import { createConversation } from './conversation.ts';
import { createEditor } from './editor.ts';
import { createPreferences, readAddress } from './preferences.ts';
import { problemOf, problemText } from './problem.ts';
import { userOf } from './user-token.ts';

export interface ServiceOptions {
  api?: CharlaApi;
  newRoom?: () => Room;
  /** The integrator's word on who the user is. */
  userToken?: string | undefined;
}

export type Services = ReturnType<typeof createServices>;

/**
 * Everything behind the page, outside of React: what it knows and what it can do.
 *
 * @param search - the query of the page's address
 */
export function createServices(
  search: string,
  { userToken, api = createCharlaApi('', undefined, userToken), newRoom }: ServiceOptions = {},
) {
  // The token says who it is for; anybody else would be refused.
  const tokenUser = userToken === undefined ? undefined : userOf(userToken);
  const address = readAddress(search);
  const preferences = createPreferences();
  const settings = createStore<Settings>(() => DEFAULT_SETTINGS);
  const conversation = createConversation();
  const editor = createEditor();

  const language = (): Language =>
    preferences.getState().language ?? address.language ?? settings.getState().language;
  const theme = (): Theme =>
    preferences.getState().theme ?? address.theme ?? settings.getState().frontend_theme;

  const call = createCall({
    api,
    conversation,
    ...(newRoom && { newRoom }),
    userId: tokenUser ?? address.userId ?? preferences.getState().userId,
    language,
    dataTools: () => (settings.getState().enable_tools ? editor.store.getState().valid : undefined),
  });

  return {
    preferences,
    settings,
    conversation,
    editor,
    call,
    language,
    theme,

    /** Asks the server what the page should be, and calls if it should by itself. Without an answer it does so too. */
    async open(): Promise<void> {
      try {
        const answer = await api.settings();
        settings.setState(answer);
        conversation.record('settings', { model: answer.llm_model || '–' });
      } catch (error) {
        conversation.record('settings-failed', { reason: problemText(problemOf(error)) }, 'bad');
      }
      if (
        address.userId &&
        userToken === undefined &&
        settings.getState().enable_tools &&
        !editor.isTouched
      ) {
        // A user that the lookup does not know, or a server without one, is no failure: nothing is known of the person.
        editor.suggest(await api.userData(address.userId).catch(() => ({})));
      }
      if (settings.getState().auto_connect) call.start();
    },
  };
}
