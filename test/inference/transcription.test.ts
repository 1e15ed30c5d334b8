import { readFileSync } from 'node:fs';
import { decodeAudio } from '@napi-rs/whisper';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wavHeader } from '../../src/inference/wav-header.ts';
import { type RealEngines, startRealEngines } from './real-engines.ts';
import { wordErrorRate, words } from './word-error-rate.ts';

/** Real models answer here, on a machine that may have other things to do. */
const SLOW = 180_000;
/** Debian's pocketsphinx-testdata: five sentences of «Sense and Sensibility», read for LibriVox. */
const LIBRIVOX = '/usr/share/pocketsphinx/test/data/librivox';

let engines: RealEngines;
let client: OpenAI;
beforeAll(async () => {
  engines = await startRealEngines();
  client = engines.client;
}, SLOW);
afterAll(() => engines.close(), SLOW);

function wav(samples: Float32Array): Buffer {
  const pcm = Int16Array.from(samples, (sample) => sample * 32_767);
  return Buffer.concat([wavHeader(16_000), Buffer.from(pcm.buffer)]);
}

const audio = (bytes: Buffer) => toFile(bytes, 'speech.wav', { type: 'audio/wav' });
const noise = (seconds: number) =>
  wav(Float32Array.from({ length: seconds * 16_000 }, (_, index) => Math.sin(index * index) * 0.02));

async function transcribe(bytes: Buffer): Promise<string> {
  const file = await audio(bytes);
  return (await client.audio.transcriptions.create({ model: 'whisper-base', language: 'en', file })).text;
}

function librivox(): { said: string; file: string }[] {
  return readFileSync(`${LIBRIVOX}/transcription`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, said = '', name = ''] = /<s> (.*) <\/s> \((.*)\)/.exec(line) ?? [];
      return { said, file: `${LIBRIVOX}/${name}.wav` };
    });
}

describe('speech to text', () => {
  it('hears recordings of English with at most 10 % of the words wrong', { timeout: SLOW }, async () => {
    const recordings = librivox();
    const heard: string[] = [];
    for (const { file } of recordings) heard.push(await transcribe(readFileSync(file)));
    expect(recordings.length).toBeGreaterThan(3);
    expect(
      wordErrorRate(
        recordings.map(({ said }) => said),
        heard,
      ),
    ).toBeLessThanOrEqual(0.1);
  });

  it('answers as json, as text, and with segments', { timeout: SLOW }, async () => {
    const file = await audio(readFileSync(librivox()[2]?.file ?? ''));
    const request = { model: 'whisper-1', file } as const;
    const text = await client.audio.transcriptions.create({ ...request, response_format: 'text' });
    const verbose = await client.audio.transcriptions.create({ ...request, response_format: 'verbose_json' });
    expect(words(String(text))).toContain('selfish');
    expect(words(verbose.text)).toContain('selfish');
    expect(verbose).toMatchObject({ language: 'en', duration: 5.3 });
    expect(verbose.segments?.[0]).toMatchObject({ id: 0, no_speech_prob: expect.any(Number) });
    expect(verbose.segments?.[0]?.no_speech_prob).toBeLessThan(0.2);
    expect(verbose.segments?.[0]?.start).toBeLessThan(0.5);
  });

  it('invents nothing on silence and noise, and says that nobody spoke', { timeout: SLOW }, async () => {
    for (const bytes of [wav(new Float32Array(32_000)), noise(3)]) {
      const heard = await client.audio.transcriptions.create({
        model: 'whisper-base',
        language: 'es',
        response_format: 'verbose_json',
        file: await audio(bytes),
      });
      expect(heard).toMatchObject({ text: '', segments: [] });
      expect((heard as unknown as { no_speech_prob: number }).no_speech_prob).toBeGreaterThan(0.9);
    }
  });

  it('hears a sentence once, however long the silence around it', { timeout: SLOW }, async () => {
    const spoken = decodeAudio(readFileSync(librivox()[4]?.file ?? ''));
    const once = await transcribe(wav(spoken));
    const silence = new Float32Array(5 * 16_000);
    const heard = await transcribe(wav(Float32Array.from([...silence, ...spoken, ...silence])));
    expect(words(heard)).toEqual(words(once));
  });

  it('hears more than the half minute that the model sees at once', { timeout: SLOW }, async () => {
    const recordings = [...librivox(), ...librivox()];
    const spoken = recordings.flatMap(({ file }) => [...decodeAudio(readFileSync(file))]);
    expect(spoken.length).toBeGreaterThan(31 * 16_000);
    const said = recordings.map((recording) => recording.said).join(' ');
    expect(wordErrorRate([said], [await transcribe(wav(Float32Array.from(spoken)))])).toBeLessThan(0.15);
  });

  it('hears speech of any sample rate', { timeout: SLOW }, async () => {
    const samples = decodeAudio(readFileSync(librivox()[4]?.file ?? ''));
    const half = Int16Array.from(
      { length: samples.length / 2 },
      (_, index) => (samples[2 * index] ?? 0) * 32_767,
    );
    const telephone = Buffer.concat([wavHeader(8000), Buffer.from(half.buffer)]);
    expect(words(await transcribe(telephone))).toContain('amiable');
  });

  it('says what to send when the file is no audio', async () => {
    const file = await audio(Buffer.from('this is no audio'));
    const answer = client.audio.transcriptions.create({ model: 'whisper-base', file });
    await expect(answer).rejects.toMatchObject({
      status: 400,
      code: 'CHARLA_AUDIO_INVALID',
      message: expect.stringContaining('wav'),
    });
  });

  it('refuses more than 25 MB', { timeout: SLOW }, async () => {
    const file = await audio(Buffer.alloc(26 * 1024 * 1024));
    await expect(client.audio.transcriptions.create({ model: 'whisper-base', file })).rejects.toMatchObject({
      status: 413,
    });
  });
});
