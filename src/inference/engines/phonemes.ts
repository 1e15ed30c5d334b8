import createEspeak from '@echogarden/espeak-ng-emscripten';
import type { SpeechLanguage } from './engine.ts';
import { respellLoanwords } from './spanish-loanwords.ts';

/**
 * Text to phonemes by eSpeak NG. **eSpeak NG is GPL-3.0**, unlike everything else here: this file is the only one that
 * touches it, and another converter with this signature can take its place.
 */
export type Phonemizer = (text: string, voice: EspeakVoice) => Phoneme[];

/** A phoneme in IPA, with its stress mark (`ˈa`, `tʃ`); or a space between words; or a mark of punctuation. */
export type Phoneme = string;

/** Spanish of Latin America: «gracias» with s. */
export type EspeakVoice = 'es-419' | 'en-us' | 'en-gb';

export const ESPEAK_VOICES: Record<SpeechLanguage, EspeakVoice> = { es: 'es-419', en: 'en-us' };

/** Loads eSpeak NG (WebAssembly, 0.1 s). A phonemizer belongs to the thread that made it. */
export async function createPhonemizer(): Promise<Phonemizer> {
  const { eSpeakNGWorker: Espeak } = await createEspeak();
  const espeak = new Espeak();
  return (text, voice) => {
    espeak.set_voice(voice);
    const spoken = voice === 'es-419' ? respellLoanwords(text) : text;
    return splitPunctuation(spoken).flatMap(({ words, mark }) => {
      const ipa = words === '' ? '' : espeak.synthesize_ipa(words).ipa;
      return [...phonemesOf(ipa), ...(mark === '' ? [] : [mark, ' '])];
    });
  };
}

/**
 * Words and the mark that follows them. eSpeak drops punctuation, and voices need it for their melody. A full stop or
 * comma inside a number or a name («2.0», «1,200», «charla.es») is no punctuation.
 */
export function splitPunctuation(text: string): { words: string; mark: string }[] {
  const plain = text
    .replace(/[«»“”"¿¡*_#`]/g, ' ')
    .replace(/[()[\]{}]/g, ', ')
    .replace(/\s[-–—]\s/g, ', ')
    .replace(/\s+/g, ' ');
  const pieces: { words: string; mark: string }[] = [];
  for (const match of plain.matchAll(/(.*?)(?:([.,;:!?…])[.,;:!?…]*(?=\s|$)|$)/g)) {
    const words = match[1]?.trim() ?? '';
    if (words !== '') pieces.push({ words, mark: match[2] ?? '' });
  }
  return pieces;
}

/** eSpeak separates phonemes by `_`, words by a space, clauses by a new line. */
function phonemesOf(ipa: string): Phoneme[] {
  const words = ipa.split(/\s+/).filter((word) => word !== '');
  return words.flatMap((word, index) => [
    ...(index === 0 ? [] : [' ']),
    ...word.split('_').filter((phoneme) => phoneme !== ''),
  ]);
}
