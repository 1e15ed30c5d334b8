import type { Providers } from '../../providers/resolve.ts';

/**
 * The variables that make the decision of `resolveProviders` stay as it is in the processes that are started with them:
 * an Ollama that appears, or goes, while `charla dev` runs changes nothing for its new calls. An endpoint with a base
 * URL is named by that already.
 */
export function pinnedProviders(providers: Providers): Record<string, string> {
  const pinned: Record<string, string> = {};
  for (const role of ['stt', 'llm', 'tts'] as const) {
    const { kind, model } = providers[role];
    if (kind === 'custom') continue;
    pinned[`${role.toUpperCase()}_PROVIDER`] = kind;
    pinned[`${role.toUpperCase()}_MODEL`] = model;
  }
  return pinned;
}

/** Ids of the models that our own inference has to serve, each once. */
export function localModels({ stt, llm, tts }: Providers): string[] {
  return [...new Set([stt, llm, tts].filter(({ kind }) => kind === 'local').map(({ model }) => model))];
}
