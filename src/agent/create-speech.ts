import { type Config, isOn, type Language } from '../config/config.ts';
import type { SpeechEndpoint } from '../providers/resolve.ts';
import { SpeechCache } from '../providers/tts/speech-cache.ts';
import { SpeechTTS, type SpeechTTSOptions } from '../providers/tts/speech-tts.ts';
import { type PhraseClauses, phraseClauses } from './phrase-clauses.ts';
import type { Prompts } from './prompts.ts';

/** The agent's voice, as it is configured; the same wherever its phrases are made, read and said. */
export function createSpeech(
  config: Config,
  options: Pick<SpeechTTSOptions, 'endpoint' | 'language' | 'cache' | 'keep' | 'user'>,
): SpeechTTS {
  return new SpeechTTS({
    ...options,
    earlyClauses: isOn(config, 'early-clauses'),
    spokenText: isOn(config, 'spoken-text'),
    learns: isOn(config, 'learned-speech'),
  });
}

/** @returns undefined when the cache is switched off */
export function createSpeechCache(config: Config): SpeechCache | undefined {
  return isOn(config, 'speech-cache') ? new SpeechCache(config.CHARLA_HOME) : undefined;
}

/** Speech that is kept, and which clauses of a call are worth keeping. */
export interface KeptSpeech {
  cache: SpeechCache;
  keep: Record<Language, PhraseClauses['keep']>;
}

/**
 * Reads the agent's own phrases, as far as they are kept, into memory: in a call they are heard at once.
 *
 * @returns undefined when the cache is switched off
 */
export async function loadKeptSpeech(
  config: Config,
  endpoint: SpeechEndpoint,
  prompts: Record<Language, Prompts>,
): Promise<KeptSpeech | undefined> {
  const cache = createSpeechCache(config);
  if (cache === undefined) return undefined;
  const load = async (language: Language) => {
    const speech = createSpeech(config, { endpoint, language, cache });
    const { clauses, keep } = await phraseClauses(prompts[language].phrases, speech.clauses);
    await speech.preload(clauses);
    return keep;
  };
  return { cache, keep: { es: await load('es'), en: await load('en') } };
}
