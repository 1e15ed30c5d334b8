import { beforeAll, describe, expect, it } from 'vitest';
import { kokoroTokens } from '../../src/inference/engines/kokoro-vocabulary.ts';
import { createPhonemizer, type Phonemizer, splitPunctuation } from '../../src/inference/engines/phonemes.ts';
import { piperTokens } from '../../src/inference/engines/piper.ts';

let phonemize: Phonemizer;
beforeAll(async () => {
  phonemize = await createPhonemizer();
});

describe('phonemes', () => {
  it('reads Spanish the Latin American way, with its punctuation', () => {
    expect(phonemize('Gracias, adiós.', 'es-419').join('')).toBe('ɡɾˈasjas, aðjˈos. ');
  });

  it('reads everyday English words in Spanish as they are said', () => {
    expect(phonemize('un mouse', 'es-419').join('')).toContain('mˈaʊs');
  });

  it('reads numbers and versions as words, not as ends of sentences', () => {
    expect(splitPunctuation('Son 1,200 en la 2.0.0.')).toEqual([
      { words: 'Son 1,200 en la 2.0.0', mark: '.' },
    ]);
    expect(phonemize('1200', 'es-419').join('')).toContain('mˈil');
  });

  it('drops marks that nobody says', () => {
    expect(splitPunctuation('¿Qué «tal» (tú)?')).toEqual([
      { words: 'Qué tal', mark: ',' },
      { words: 'tú', mark: ',' },
    ]);
  });
});

describe('tokens', () => {
  it('writes diphthongs and affricates with the one symbol that Kokoro was trained on', () => {
    expect(kokoroTokens(['tʃ', 'ˈaɪ'])).toEqual([133, 156, 25]);
  });

  it('leaves out what Kokoro has no symbol for', () => {
    expect(kokoroTokens(['a', '¿', 'b'])).toEqual([43, 44]);
  });

  it('puts a pad after each of Piper’s symbols', () => {
    const map = { _: [0], '^': [1], $: [2], a: [14], b: [15] };
    expect(piperTokens(['a', '?', 'b'], { phoneme_id_map: map })).toEqual([1, 0, 14, 0, 15, 0, 2]);
  });
});
