import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CharlaError } from '../errors.ts';
import type { SpeechLanguage } from './engines/engine.ts';

/** OpenAI's voices, for clients that know no other: each becomes Kokoro's voice of that kind in the wanted language. */
const OPENAI_VOICES: Readonly<Record<string, 'female' | 'male'>> = {
  alloy: 'female',
  ash: 'male',
  ballad: 'male',
  cedar: 'male',
  coral: 'female',
  echo: 'male',
  fable: 'male',
  marin: 'female',
  nova: 'female',
  onyx: 'male',
  sage: 'female',
  shimmer: 'female',
  verse: 'male',
};
const DEFAULTS = {
  es: { female: 'ef_dora', male: 'em_alex' },
  en: { female: 'af_heart', male: 'am_michael' },
} as const;

/**
 * The Kokoro voice for a request and the language it speaks: the one asked for, else that of the voice's first letter
 * (`e` Spanish; `a`, `b` English), else Spanish.
 *
 * @param directory - the model's, whose `voices/` has a file for each
 * @throws CharlaError `CHARLA_REQUEST_INVALID`, naming the voices there are
 */
export async function kokoroVoice(
  directory: string,
  wanted: string,
  language: SpeechLanguage | undefined,
): Promise<{ voice: string; language: SpeechLanguage }> {
  const kind = OPENAI_VOICES[wanted];
  if (kind !== undefined) return { voice: DEFAULTS[language ?? 'es'][kind], language: language ?? 'es' };
  const files = await readdir(join(directory, 'voices'));
  const known = files.filter((file) => file.endsWith('.bin')).map((file) => file.slice(0, -'.bin'.length));
  if (!known.includes(wanted)) {
    throw new CharlaError('CHARLA_REQUEST_INVALID', {
      problems: `voice: there is no «${wanted}»; there are ${known.join(', ')}`,
      param: 'voice',
    });
  }
  return { voice: wanted, language: language ?? (wanted.startsWith('e') ? 'es' : 'en') };
}
