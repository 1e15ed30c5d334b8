import type { Language } from '../../config/config.ts';
import { type LoopRule, loopAtEnd } from '../repetition.ts';

/** What is known of a recognised utterance, beside its words. */
export interface Recognition {
  text: string;
  /** Whisper's probability that there was no speech, the lowest of all segments; 0 where the server gives none. */
  noSpeechProb: number;
  /** Whisper's mean log probability of its tokens; undefined where the server gives none. */
  avgLogprob: number | undefined;
  /** Root mean square of the loudest 100 ms, in dB under full scale. */
  levelDb: number;
}

/** Quieter than this is nobody speaking into a microphone or a phone. */
const SILENCE_DB = -55;
/** Whisper's own rule for silence: `no_speech_threshold` and `logprob_threshold` of openai/whisper's transcribe.py. */
const NO_SPEECH_PROB = 0.6;
const LOW_LOGPROB = -1;
/** A stock phrase needs more doubt than nothing, and less than a real sentence, to be dropped. */
const STOCK_NO_SPEECH_PROB = 0.2;
const STOCK_LOGPROB = -0.6;
const STOCK_LEVEL_DB = -42;

/**
 * What Whisper is known to write for noise, music and silence, learned from subtitles (openai/whisper discussion 1606).
 * The first list is never said to an agent; the second is said by people too, so that it needs doubt beside it.
 */
const NEVER_SAID: Record<Language, RegExp> = {
  es: /subt[ií]tulos (realizados|por|creados)|amara\.org|suscr[ií]bete (al|a este|a nuestro|a mi) canal|gracias por ver (el|este) v[ií]deo/i,
  en: /subtitles by|amara\.org|subscribe to (my|our|the|this) channel|like and subscribe|thanks? (you )?for watching/i,
};
const STOCK_PHRASES: Record<Language, RegExp> = {
  es: /^[¡¿]?((muchas )?gracias|adi[oó]s|chao|hasta luego|suscr[ií]bete|m[uú]sica|aplausos|[eé]h?|mm+)[.!?…]*$/i,
  en: /^(thank you( (so|very) much)?|thanks|bye([ -]bye)?|goodbye|please subscribe|music|applause|you|so|mm+|uh)[.!?…]*$/i,
};

/** How sounds are written in subtitles: [Música], (risas), *suspira*, ♪. */
const NOT_WORDS = /\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|♪/g;

/**
 * Whether a recognised text is something that was said. Whisper invents polite phrases on noise and silence; the level
 * of the sound, the model's own doubt and the phrase itself decide together.
 */
export function wasSaid(recognition: Recognition, language: Language): boolean {
  const text = recognition.text.replace(NOT_WORDS, '').trim();
  if (!/[\p{L}\p{N}]/u.test(text)) return false;
  if (recognition.levelDb < SILENCE_DB) return false;
  const { noSpeechProb, avgLogprob } = recognition;
  if (noSpeechProb > NO_SPEECH_PROB && (avgLogprob ?? Number.NEGATIVE_INFINITY) < LOW_LOGPROB) return false;
  if (NEVER_SAID[language].test(text)) return false;
  const doubtful =
    noSpeechProb > STOCK_NO_SPEECH_PROB ||
    (avgLogprob ?? 0) < STOCK_LOGPROB ||
    recognition.levelDb < STOCK_LEVEL_DB;
  return !(doubtful && STOCK_PHRASES[language].test(text));
}

/** Digits are dictated one after another, so that a single word, or two, may well be repeated. */
const LOOP: LoopRule = [
  { upToWords: 1, repeats: Number.POSITIVE_INFINITY },
  { upToWords: 3, repeats: 3 },
  { upToWords: 40, repeats: 2 },
];

/** Says once what Whisper wrote again and again: now and then it goes round in circles until the end of a clip. */
export function withoutLoops(text: string): string {
  const words = [...text.matchAll(/[\p{L}\p{N}]+/gu)];
  const loop = loopAtEnd(
    words.map(([word]) => word.toLowerCase()),
    LOOP,
  );
  if (loop === undefined || /^\P{L}*$/u.test(text)) return text;
  const firstAgain = words.at(loop.length - loop.repeated);
  return text.slice(0, firstAgain?.index).trim();
}

/**
 * Level of the loudest 100 ms.
 *
 * @param pcm - mono, 16 bit
 * @param sampleRate - Hz
 * @returns root mean square in dB under full scale; −∞ for digital silence
 */
export function loudestLevelDb(pcm: Int16Array, sampleRate: number): number {
  const window = Math.max(1, Math.round(sampleRate / 10));
  let loudest = 0;
  for (let start = 0; start < pcm.length; start += window) {
    const part = pcm.subarray(start, start + window);
    let sum = 0;
    for (const sample of part) sum += sample * sample;
    loudest = Math.max(loudest, sum / part.length);
  }
  return 10 * Math.log10(loudest / 32_768 ** 2);
}
