import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import wavefile from 'wavefile';
import { LINE_RATE } from '../../src/channels/line.ts';
import { resampled } from '../../src/channels/resampled.ts';
import { CALLER_SAMPLE_RATE, levelDb } from './caller.ts';

/** Not the agent's voices: the caller is somebody else. */
export const CALLER_VOICE = { es: 'em_alex', en: 'am_michael' } as const;

/** Speech kept between runs, so that a test's time goes to the agent. */
const KEPT = join(tmpdir(), 'charla-test-speech');
const EDGE_DB = -40;
const EDGE_SAMPLES = CALLER_SAMPLE_RATE / 100;

/**
 * What a caller says, made by our TTS.
 *
 * @returns mono, {@link CALLER_SAMPLE_RATE}, without silence at either end, so that «the end of speech» is its last sample
 */
export async function callerSpeech(
  inferenceUrl: string,
  text: string,
  language: keyof typeof CALLER_VOICE = 'es',
): Promise<Int16Array> {
  const voice = CALLER_VOICE[language];
  const path = join(KEPT, `${createHash('sha256').update(`${voice}\n${text}`).digest('hex')}.pcm`);
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined) return toSamples(kept);
  const client = new OpenAI({ baseURL: inferenceUrl, apiKey: 'none' });
  const response = await client.audio.speech.create({
    model: 'kokoro',
    voice,
    input: text,
    response_format: 'pcm',
  });
  const trimmed = trimSilence(toSamples(Buffer.from(await response.arrayBuffer())));
  await mkdir(KEPT, { recursive: true });
  await writeFile(path, Buffer.from(trimmed.buffer, trimmed.byteOffset, trimmed.byteLength));
  return trimmed;
}

/** The same as it goes into a telephone: {@link LINE_RATE}. */
export async function telephoneSpeech(
  inferenceUrl: string,
  text: string,
  language?: keyof typeof CALLER_VOICE,
): Promise<Int16Array> {
  return resampled(await callerSpeech(inferenceUrl, text, language), CALLER_SAMPLE_RATE, LINE_RATE);
}

/** What somebody would hear in what came out of a telephone. @param pcm - mono, {@link LINE_RATE} */
export async function hearTelephone(
  inferenceUrl: string,
  pcm: Int16Array,
  language: string,
): Promise<string> {
  return hear(inferenceUrl, resampled(pcm, LINE_RATE, CALLER_SAMPLE_RATE), language);
}

/** What somebody would hear in a recording. */
export async function hear(inferenceUrl: string, pcm: Int16Array, language: string): Promise<string> {
  const client = new OpenAI({ baseURL: inferenceUrl, apiKey: 'none' });
  const { text } = await client.audio.transcriptions.create({
    file: await toFile(toWav(pcm), 'heard.wav', { type: 'audio/wav' }),
    model: 'whisper-base',
    language,
  });
  return text;
}

/** A WAV file of mono 16 bit samples at {@link CALLER_SAMPLE_RATE}. */
export function toWav(pcm: Int16Array): Uint8Array {
  const wav = new wavefile.WaveFile();
  wav.fromScratch(1, CALLER_SAMPLE_RATE, '16', pcm);
  return wav.toBuffer();
}

function toSamples(bytes: Buffer): Int16Array {
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
}

function trimSilence(pcm: Int16Array): Int16Array {
  const loud = (start: number) => levelDb(pcm.subarray(start, start + EDGE_SAMPLES)) > EDGE_DB;
  let start = 0;
  while (start < pcm.length && !loud(start)) start += EDGE_SAMPLES;
  let end = pcm.length - EDGE_SAMPLES;
  while (end > start && !loud(end)) end -= EDGE_SAMPLES;
  return pcm.slice(start, end + EDGE_SAMPLES);
}
