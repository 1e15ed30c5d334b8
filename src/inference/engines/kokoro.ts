import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { CharlaError } from '../../errors.ts';
import type { ClauseRequest, Engine, EngineOptions } from './engine.ts';
import { KOKORO_LONGEST, KOKORO_PAD, kokoroTokens } from './kokoro-vocabulary.ts';
import { createPhonemizer, ESPEAK_VOICES } from './phonemes.ts';
import { toInt16 } from './to-int16.ts';
import { trimSilence } from './trim-silence.ts';

const SAMPLE_RATE = 24_000;
/** A voice is one style vector for each length of text, in symbols: float32, 510 × 256. */
const STYLE_SIZE = 256;
const WARM_UP = { text: 'Hola.', voice: 'ef_dora', language: 'es', speed: 1 } as const;

/**
 * Kokoro-82M on ONNX Runtime: Spanish and English, one clause a run. A run can't be stopped half-way, so long texts
 * are to be cut first (`split-clauses.ts`).
 */
export async function createKokoro({ id, directory, threads }: EngineOptions): Promise<Engine<'tts'>> {
  const [session, phonemize] = await Promise.all([
    InferenceSession.create(join(directory, 'model.onnx'), {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    }),
    createPhonemizer(),
  ]);
  const tokensName = session.inputNames.find((name) => name === 'tokens' || name === 'input_ids') ?? 'tokens';
  const voices = new Map<string, Promise<Float32Array>>();

  const speak = async ({ text, voice, language, speed }: ClauseRequest) => {
    const espeakVoice = language === 'en' && voice.startsWith('b') ? 'en-gb' : ESPEAK_VOICES[language];
    const tokens = kokoroTokens(phonemize(text, espeakVoice)).slice(0, KOKORO_LONGEST);
    if (tokens.length === 0) return { pcm: new Int16Array() };
    const styles = await cached(voices, voice, () => readVoice(directory, voice));
    const style = Math.min(tokens.length, KOKORO_LONGEST - 1) * STYLE_SIZE;
    const ids = BigInt64Array.from([KOKORO_PAD, ...tokens, KOKORO_PAD], BigInt);
    const outputs = await session.run({
      [tokensName]: new Tensor('int64', ids, [1, ids.length]),
      style: new Tensor('float32', styles.slice(style, style + STYLE_SIZE), [1, STYLE_SIZE]),
      speed: new Tensor('float32', Float32Array.of(speed), [1]),
    });
    const audio = outputs[session.outputNames[0] ?? ''];
    if (!(audio?.data instanceof Float32Array)) {
      throw new CharlaError('CHARLA_MODEL_FAILED', { id, reason: 'it gave no audio' });
    }
    return { pcm: toInt16(trimSilence(audio.data, SAMPLE_RATE)) };
  };
  await speak(WARM_UP);
  return { concurrency: 1, run: speak, dispose: () => session.release() };
}

async function readVoice(directory: string, voice: string): Promise<Float32Array> {
  const bytes = await readFile(join(directory, 'voices', `${voice}.bin`));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
}

function cached<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = cache.get(key) ?? make();
  cache.set(key, value);
  return value;
}
