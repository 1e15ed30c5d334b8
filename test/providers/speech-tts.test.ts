import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initializeLogger, type tts, USERDATA_TIMED_TRANSCRIPT, type voice } from '@livekit/agents';
import { afterEach, describe, expect, it } from 'vitest';
import { CharlaError } from '../../src/errors.ts';
import { SpeechCache } from '../../src/providers/tts/speech-cache.ts';
import { SpeechTTS, type SpeechTTSOptions } from '../../src/providers/tts/speech-tts.ts';
import {
  type FixedEngines,
  type FixedEnginesOptions,
  fixedSpeech,
  type SpeechRequest,
  startFixedEngines,
} from '../support/fixed-engines.ts';

initializeLogger({ pretty: false, level: 'silent' });

interface SpeechError {
  type: string;
  error: Error;
  recoverable: boolean;
}

let engines: FixedEngines;
const homes: string[] = [];
afterEach(async () => {
  await engines.close();
  await Promise.all(homes.splice(0).map((home) => rm(home, { recursive: true, force: true, maxRetries: 3 })));
});

async function speaker(
  fixed: FixedEnginesOptions = {},
  options: Partial<SpeechTTSOptions> = {},
): Promise<SpeechTTS> {
  engines = await startFixedEngines({ firstAudioMs: 5, msPerCharacter: 10, ...fixed });
  const voices = { es: 'ef_dora', en: 'af_heart' };
  const endpoint = {
    kind: 'custom',
    baseUrl: engines.baseUrl,
    apiKey: 'k',
    model: 'kokoro',
    voices,
  } as const;
  return new SpeechTTS({ endpoint, language: 'es', ...options });
}

async function cacheFolder(): Promise<{ cache: SpeechCache; home: string }> {
  const home = await mkdtemp(join(tmpdir(), 'charla-speech-'));
  homes.push(home);
  return { cache: new SpeechCache(home), home };
}

const requests = () => engines.requests as SpeechRequest[];
const inputs = () => requests().map((one) => one.body.input);

/** Speaks a text through a stream and gives its frames; `onFrame` sees each as it comes. */
async function speak(speech: SpeechTTS, text: string, onFrame?: (count: number) => void) {
  const stream = speech.stream();
  stream.pushText(text);
  stream.endInput();
  const frames: tts.SynthesizedAudio[] = [];
  for await (const audio of stream) {
    if (typeof audio === 'symbol') continue;
    frames.push(audio);
    onFrame?.(frames.length);
  }
  return frames;
}

const seconds = (frames: tts.SynthesizedAudio[]) =>
  frames.reduce((sum, { frame }) => sum + frame.samplesPerChannel / frame.sampleRate, 0);
const samples = (frames: tts.SynthesizedAudio[]) =>
  Int16Array.from(frames.flatMap(({ frame }) => [...frame.data]));
const transcripts = (frames: tts.SynthesizedAudio[]) =>
  frames.flatMap(({ frame }) => (frame.userdata[USERDATA_TIMED_TRANSCRIPT] ?? []) as voice.TimedString[]);

function errorsOf(speech: SpeechTTS): SpeechError[] {
  const errors: SpeechError[] = [];
  speech.on('error', (event) => errors.push(event));
  return errors;
}

describe('speech', () => {
  it('is heard while the server is still sending it', async () => {
    const speech = await speaker({ audioPieceMs: 30, msPerCharacter: 100 });
    const finishedAtFirst: unknown[] = [];
    const frames = await speak(speech, 'Tienes tres tickets', () =>
      finishedAtFirst.push(requests()[0]?.finishedAt),
    );
    expect(finishedAtFirst[0]).toBeUndefined();
    expect(requests()[0]?.finishedAt).toBeDefined();
    expect(seconds(frames)).toBeCloseTo(1.9, 2);
    expect(samples(frames)).toEqual(fixedSpeech(1.9));
  });

  it('that was prepared is asked for once, and heard whole', async () => {
    const speech = await speaker();
    await speech.prepare('Hola, Ana. ¿En qué puedo ayudarte?');
    await expect.poll(() => requests().length).toBe(2);
    const frames = await speak(speech, 'Hola, Ana. ¿En qué puedo ayudarte?');
    expect(requests()).toHaveLength(2);
    expect(seconds(frames)).toBeGreaterThan(0.3);
    await speak(speech, 'Hola, Ana. ¿En qué puedo ayudarte?');
    expect(requests()).toHaveLength(4);
  });

  it('is asked for anew when preparing it failed', async () => {
    const speech = await speaker();
    engines.fail('tts', { status: 400, times: 1 });
    await speech.prepare('Hola, Ana.');
    await expect.poll(() => requests().length).toBe(1);
    expect(seconds(await speak(speech, 'Hola, Ana.'))).toBeGreaterThan(0.05);
    expect(requests()).toHaveLength(2);
  });

  it('that was prepared in vain is given up', async () => {
    const speech = await speaker({ firstAudioMs: 5_000 });
    await speech.prepare('Hola, Ana.');
    await expect.poll(() => requests().length).toBe(1);
    await speech.prepare('');
    await expect.poll(() => requests()[0]?.abortedAt).toBeDefined();
  });

  it('is asked for clause by clause in the voice of the language, and played in their order', async () => {
    const speech = await speaker({}, { user: 'call-7', speed: 1.2 });
    const frames = await speak(speech, 'Claro que sí, Ana. Tienes tres tickets abiertos. ¿Te los leo?');
    // Two are on their way at once, so that they may arrive in another order than they are played.
    expect(inputs().toSorted()).toEqual(
      ['Claro que sí,', 'Ana.', 'Tienes tres tickets abiertos.', '¿Te los leo?'].toSorted(),
    );
    expect(requests()[0]?.body).toMatchObject({
      model: 'kokoro',
      voice: 'ef_dora',
      response_format: 'pcm',
      speed: 1.2,
    });
    // Who calls is nobody's business but our own server's.
    expect(requests()[0]?.headers['x-client-id']).toBeUndefined();
    const clauses = transcripts(frames).map((one) => one.text);
    expect(clauses.join('')).toBe('Claro que sí, Ana. Tienes tres tickets abiertos. ¿Te los leo?');
    expect(new Set(frames.map((one) => one.segmentId)).size).toBe(1);
  });

  it('says with its first frame of each clause which words begin there, and when', async () => {
    const speech = await speaker({ msPerCharacter: 100 });
    const frames = await speak(speech, 'Buenos días. Son las tres.');
    expect(transcripts(frames)).toMatchObject([
      { text: 'Buenos días. ', startTime: 0 },
      { text: 'Son las tres.', startTime: expect.closeTo(1.2, 3) },
    ]);
  });

  it('is asked for as it is said, and shown as it is written', async () => {
    const speech = await speaker();
    const text = 'Son 21 facturas, Sr. Gil: **1.200,50 €**.';
    const frames = await speak(speech, text);
    expect(inputs().join(' ')).toBe(
      'Son veintiuna facturas, señor Gil: mil doscientos euros con cincuenta céntimos.',
    );
    expect(
      transcripts(frames)
        .map((one) => one.text)
        .join(''),
    ).toBe(text);
  });

  it('is asked for as it is written where that is switched off', async () => {
    const speech = await speaker({}, { spokenText: false });
    await speak(speech, 'Son 21 facturas.');
    expect(inputs()).toEqual(['Son 21 facturas.']);
  });

  it('is written out in the language of the voice', async () => {
    const speech = await speaker({}, { language: 'en' });
    await speak(speech, 'Pay $5 by 11/21/2026.');
    expect(inputs()).toEqual(['Pay five dollars by November twenty-first, twenty twenty-six.']);
  });

  it('asks for the next clause while one is arriving, and never for more than two at once', async () => {
    const speech = await speaker({ audioPieceMs: 10, msPerCharacter: 20 });
    await speak(speech, 'La primera frase. La segunda frase. La tercera frase. La cuarta frase.');
    const list = requests();
    expect(list).toHaveLength(4);
    expect(list[1]?.at).toBeLessThan(list[0]?.finishedAt ?? 0);
    for (const [index, one] of list.entries()) {
      const running = list.filter((other) => other.at <= one.at && (other.finishedAt ?? Infinity) > one.at);
      expect(running.length, `at request ${index}`).toBeLessThanOrEqual(2);
    }
  });

  it('asks nothing for what has no words', async () => {
    const speech = await speaker();
    expect(await speak(speech, ' ... — ¡! ')).toEqual([]);
    expect(requests()).toEqual([]);
  });

  it('of a whole text comes as one', async () => {
    const speech = await speaker({ msPerCharacter: 100 });
    const frames: tts.SynthesizedAudio[] = [];
    for await (const audio of speech.synthesize('Hola, soy yo.')) frames.push(audio);
    expect(inputs()).toEqual(['Hola, soy yo.']);
    expect(seconds(frames)).toBeCloseTo(1.3, 2);
  });

  it('that is interrupted asks for nothing more', async () => {
    const speech = await speaker({ audioPieceMs: 50, msPerCharacter: 200 });
    const errors = errorsOf(speech);
    const stream = speech.stream();
    stream.pushText(
      'La primera frase es larga. La segunda frase también. La tercera frase. La cuarta frase.',
    );
    stream.endInput();
    await stream.next();
    stream.close();
    await expect.poll(() => requests().every((one) => one.abortedAt !== undefined)).toBe(true);
    expect(requests().length).toBeLessThanOrEqual(2);
    expect(errors).toEqual([]);
  });
});

describe('speech that fails', () => {
  it('reaches the session as an error with our sentence, after one more try, and the rest is not asked for', async () => {
    const speech = await speaker();
    const errors = errorsOf(speech);
    engines.fail('tts', { status: 500 });
    expect(await speak(speech, 'La primera frase. La segunda frase. La tercera. La cuarta.')).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ type: 'tts_error', recoverable: false });
    expect(errors[0]?.error.cause).toBeInstanceOf(CharlaError);
    expect(errors[0]?.error.cause).toMatchObject({ code: 'CHARLA_PROVIDER_FAILED' });
    expect(new Set(inputs())).toEqual(new Set(['La primera frase.', 'La segunda frase.']));
  });

  it('once is not noticed', async () => {
    const speech = await speaker();
    const errors = errorsOf(speech);
    engines.fail('tts', { status: 429, headers: { 'retry-after': '60' }, times: 1 });
    expect(seconds(await speak(speech, 'La primera frase.'))).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });

  it.each([
    ['never answers', { hang: true }, 'CHARLA_PROVIDER_TIMEOUT'],
    ['falls silent in the middle', { stallAfterBytes: 4_800 }, 'CHARLA_PROVIDER_TIMEOUT'],
    ['breaks off in the middle', { cutAfterBytes: 4_800 }, 'CHARLA_PROVIDER_FAILED'],
    ['answers without sound', { cutAfterBytes: 0 }, 'CHARLA_PROVIDER_FAILED'],
  ])('because the server %s ends with an error', async (_, fault, code) => {
    const speech = await speaker({ msPerCharacter: 60 }, { timeoutMs: 300 });
    const errors = errorsOf(speech);
    engines.fail('tts', fault);
    await speak(speech, 'La primera frase.');
    expect(errors.map((one) => one.error.cause)).toMatchObject([{ code }]);
  });

  it('because the answer is empty is an error too, not silence', async () => {
    const speech = await speaker({ msPerCharacter: 0 });
    const errors = errorsOf(speech);
    await speak(speech, 'La primera frase.');
    expect(errors.map((one) => one.error.message)).toEqual([expect.stringContaining('no sound')]);
  });
});

describe('speech that is kept', () => {
  it('is heard again without the server, even when that is gone', async () => {
    const { cache } = await cacheFolder();
    const speech = await speaker({ msPerCharacter: 60 }, { cache, keep: () => 'phrase' });
    const first = await speak(speech, 'Perdona, ahora no puedo responder.');
    expect(requests()).toHaveLength(2);
    await engines.close();
    const again = await speak(speech, 'Perdona, ahora no puedo responder.');
    expect(samples(again)).toEqual(samples(first));
    expect(transcripts(again)).toEqual(transcripts(first));
  });

  it('is only what was chosen', async () => {
    const { cache } = await cacheFolder();
    const speech = await speaker(
      {},
      { cache, keep: (clause) => (clause === 'Buenos días.' ? 'phrase' : undefined) },
    );
    await speak(speech, 'Buenos días. Tu saldo es de diez euros.');
    await speak(speech, 'Buenos días. Tu saldo es de diez euros.');
    // Two are on their way at once, so that they may arrive in another order than they are played.
    expect(inputs().toSorted()).toEqual([
      'Buenos días.',
      'Tu saldo es de diez euros.',
      'Tu saldo es de diez euros.',
    ]);
  });

  it('is what is said for the third time, too, whoever said it', async () => {
    const { cache, home } = await cacheFolder();
    const speech = await speaker({}, { cache });
    // It is counted and kept behind the caller's back.
    const counts = async () => (await readFile(join(home, 'speech', 'counts.bin')).catch(() => [])).slice(8);
    for (let time = 1; time <= 3; time += 1) {
      await speak(speech, 'Ahora lo miro.');
      await expect.poll(async () => Math.max(...(await counts()))).toBe(time);
    }
    await expect.poll(() => readdir(join(home, 'speech', 'learned')).catch(() => [])).toHaveLength(1);
    await speak(speech, 'Ahora lo miro.');
    expect(inputs()).toHaveLength(3);
  });

  it('is never learned when it may be about one caller only', async () => {
    const { cache, home } = await cacheFolder();
    const speech = await speaker({}, { cache });
    for (let time = 0; time < 4; time += 1) await speak(speech, 'Debes 12 euros. Es ana@ejemplo.com.');
    expect(inputs()).toHaveLength(8);
    expect(await readdir(home)).toEqual([]);
  });

  it('is only what was chosen where learning is switched off', async () => {
    const { cache, home } = await cacheFolder();
    const speech = await speaker({}, { cache, learns: false });
    for (let time = 0; time < 4; time += 1) await speak(speech, 'Ahora lo miro.');
    expect(inputs()).toHaveLength(4);
    expect(await readdir(home)).toEqual([]);
  });

  it('is the same sound however its number is written', async () => {
    const { cache } = await cacheFolder();
    const speech = await speaker({}, { cache, keep: () => 'phrase' });
    await speak(speech, 'Son 2 minutos.');
    await speak(speech, 'Son dos minutos.');
    expect(inputs()).toEqual(['Son dos minutos.']);
  });

  it('is read into memory ahead, and then heard without the disk', async () => {
    const { cache, home } = await cacheFolder();
    const speech = await speaker({}, { cache, keep: () => 'phrase' });
    const first = await speak(speech, 'Buenos días.');
    await expect.poll(() => readdir(join(home, 'speech', 'phrase')).catch(() => [])).toHaveLength(1);
    const fresh = new SpeechCache(home);
    const { baseUrl } = engines;
    const voices = { es: 'ef_dora', en: 'af_heart' };
    const endpoint = { kind: 'custom', baseUrl, apiKey: 'k', model: 'kokoro', voices } as const;
    const other = new SpeechTTS({ endpoint, language: 'es', cache: fresh });
    await other.preload(['Buenos días.', 'Nunca dicho.']);
    await rm(join(home, 'speech'), { recursive: true });
    expect(samples(await speak(other, 'Buenos días.'))).toEqual(samples(first));
    expect(fresh.stats()).toMatchObject({ memory: 1, disk: 0, miss: 0 });
  });

  it('belongs to a voice, a model and a speed', async () => {
    const { cache } = await cacheFolder();
    const spanish = await speaker({}, { cache, keep: () => 'phrase' });
    await speak(spanish, 'No comment.');
    const { baseUrl } = engines;
    const endpoint = { kind: 'custom', baseUrl, apiKey: 'k', model: 'kokoro' } as const;
    const voices = { es: 'ef_dora', en: 'af_heart' };
    const other = (options: Partial<SpeechTTSOptions>) =>
      new SpeechTTS({
        endpoint: { ...endpoint, voices },
        language: 'es',
        cache,
        keep: () => 'phrase',
        ...options,
      });
    await speak(other({ language: 'en' }), 'No comment.');
    await speak(other({ speed: 1.5 }), 'No comment.');
    await speak(other({ endpoint: { ...endpoint, voices, model: 'other' } }), 'No comment.');
    await speak(other({}), 'No comment.');
    expect(requests()).toHaveLength(4);
  });

  it('is never half of it: what broke off is asked for again', async () => {
    const { cache, home } = await cacheFolder();
    const speech = await speaker({ msPerCharacter: 60 }, { cache, keep: () => 'phrase' });
    errorsOf(speech);
    engines.fail('tts', { cutAfterBytes: 4_800, times: 1 });
    await speak(speech, 'Buenos días.');
    expect(await readdir(join(home, 'speech', 'phrase')).catch(() => [])).toEqual([]);
    expect(seconds(await speak(speech, 'Buenos días.'))).toBeCloseTo(0.72, 2);
    await expect
      .poll(() => readdir(join(home, 'speech', 'phrase')))
      .toEqual([expect.stringMatching(/^[0-9a-f]{64}\.pcm$/)]);
  });

  it('is heard although it cannot be kept', async () => {
    const { home } = await cacheFolder();
    const cache = new SpeechCache(join(home, 'file'));
    await writeFile(join(home, 'file'), '');
    const speech = await speaker({}, { cache, keep: () => 'phrase' });
    const errors = errorsOf(speech);
    expect(seconds(await speak(speech, 'Buenos días.'))).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });
});
