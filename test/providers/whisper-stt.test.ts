import { setTimeout as sleep } from 'node:timers/promises';
import {
  APIConnectionError,
  APIStatusError,
  APITimeoutError,
  initializeLogger,
  stt,
  type VAD,
} from '@livekit/agents';
import * as silero from '@livekit/agents-plugin-silero';
import { AudioFrame } from '@livekit/rtc-node';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import wavefile from 'wavefile';
import { CharlaError } from '../../src/errors.ts';
import { WhisperSTT, type WhisperSTTOptions } from '../../src/providers/stt/whisper-stt.ts';
import {
  type FixedEngines,
  type FixedEnginesOptions,
  startFixedEngines,
  type TranscriptionRequest,
} from '../support/fixed-engines.ts';
import { recordedSpeech, SPEECH_SAMPLE_RATE, silence, toFrames } from '../support/recorded-speech.ts';

initializeLogger({ pretty: false, level: 'silent' });

const { START_OF_SPEECH, END_OF_SPEECH, INTERIM_TRANSCRIPT, FINAL_TRANSCRIPT } = stt.SpeechEventType;
const sentence = recordedSpeech();

let vad: VAD;
let engines: FixedEngines;
beforeAll(async () => {
  vad = await silero.VAD.load({ minSilenceDuration: 250, prefixPaddingDuration: 300 });
});
afterEach(() => engines.close());

async function transcriber(
  fixed: FixedEnginesOptions = {},
  options: Partial<WhisperSTTOptions> & { model?: string } = {},
): Promise<WhisperSTT> {
  engines = await startFixedEngines({ sttMs: 20, ...fixed });
  const { model = 'whisper-base', ...rest } = options;
  const endpoint = { kind: 'custom', baseUrl: engines.baseUrl, apiKey: 'k', model } as const;
  return new WhisperSTT({ endpoint, language: 'es', vad, interim: false, ...rest });
}

const requests = () => engines.requests as TranscriptionRequest[];
const request = (index = 0) => requests()[index] as TranscriptionRequest;
const wavOf = (one: TranscriptionRequest) => new wavefile.WaveFile(one.file);
const secondsOf = (one: TranscriptionRequest) => (one.file.length - 44) / 2 / SPEECH_SAMPLE_RATE;
const recognised = (event: stt.SpeechEvent) => event.alternatives?.[0].text;

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as Error,
  );
}

describe('one utterance', () => {
  const said = () => [new AudioFrame(sentence, SPEECH_SAMPLE_RATE, 1, sentence.length)];

  it('is sent as a WAV file with its language, and comes back as a final transcript', async () => {
    const whisper = await transcriber({ transcript: ' Hola, soy Ana. ' }, { user: 'call-7' });
    const event = await whisper.recognize(said());
    expect(event.type).toBe(FINAL_TRANSCRIPT);
    expect(recognised(event)).toBe('Hola, soy Ana.');
    expect(event.alternatives?.[0].confidence).toBeGreaterThan(0.7);
    expect(request().fields).toMatchObject({
      model: 'whisper-base',
      language: 'es',
      response_format: 'verbose_json',
    });
    // Who calls is nobody's business but our own server's.
    expect(request().headers['x-client-id']).toBeUndefined();
    const wav = wavOf(request());
    expect(wav.fmt).toMatchObject({ numChannels: 1, sampleRate: 16_000, bitsPerSample: 16, audioFormat: 1 });
    expect(Buffer.from(request().file.subarray(44))).toEqual(Buffer.from(sentence.buffer));
  });

  it('joins its frames in order', async () => {
    const whisper = await transcriber();
    await whisper.recognize(toFrames(sentence));
    const whole = Math.floor(sentence.length / 320) * 320;
    expect(request().file.subarray(44)).toEqual(Buffer.from(sentence.slice(0, whole).buffer));
  });

  it('asks models that know plain json only for that', async () => {
    const whisper = await transcriber({ transcript: 'hola' }, { model: 'gpt-4o-mini-transcribe' });
    expect(recognised(await whisper.recognize(said()))).toBe('hola');
    expect(request().fields.response_format).toBe('json');
  });

  it('is sent with the names and terms to expect, those of last time replaced', async () => {
    const whisper = await transcriber();
    await whisper.recognize(said());
    expect(request().fields.prompt).toBeUndefined();
    whisper.setTerms(['Ana', 'Zapatillas']);
    whisper.setTerms(['Begoña Iturralde', 'ticket #1234']);
    await whisper.recognize(said());
    expect(request(1).fields.prompt).toBe('Begoña Iturralde, ticket #1234.');
    whisper.setTerms(Array.from({ length: 100 }, (_, index) => `término número ${index}`));
    await whisper.recognize(said());
    expect(request(2).fields.prompt?.length).toBeLessThanOrEqual(401);
  });

  it('has no text when it was noise, or silence', async () => {
    const whisper = await transcriber({
      transcript: () => ({ text: 'Gracias.', noSpeechProb: 0.5, avgLogprob: -0.4 }),
    });
    expect(recognised(await whisper.recognize(said()))).toBe('');
    engines.heal();
    const quiet = new AudioFrame(silence(1000), SPEECH_SAMPLE_RATE, 1, SPEECH_SAMPLE_RATE);
    expect(recognised(await whisper.recognize([quiet]))).toBe('');
  });

  it('is asked for once more when the server failed, and no more than that', async () => {
    const whisper = await transcriber({ transcript: 'hola' });
    // As OpenAI says it when it is busy; a caller can't wait for that.
    engines.fail('stt', { status: 503, headers: { 'retry-after': '60' }, times: 1 });
    expect(recognised(await whisper.recognize(said()))).toBe('hola');
    engines.fail('stt', { status: 500 });
    const error = await rejection(whisper.recognize(said()));
    expect(requests()).toHaveLength(4);
    expect(error).toBeInstanceOf(APIStatusError);
    expect(error.cause).toBeInstanceOf(CharlaError);
    expect(error.cause).toMatchObject({ code: 'CHARLA_PROVIDER_FAILED' });
    expect(error.message).toContain(engines.baseUrl);
    expect(error.message).toContain('speech-to-text');
  });

  it('is not asked for again when the request is refused', async () => {
    const whisper = await transcriber();
    engines.fail('stt', { status: 401 });
    expect(await rejection(whisper.recognize(said()))).toMatchObject({ statusCode: 401, retryable: false });
    expect(requests()).toHaveLength(1);
  });

  it.each([
    ['does not answer', { hang: true }],
    ['stops in the middle of its answer', { stallAfterBytes: 10 }],
  ])('fails with a time limit when the server %s', async (_, fault) => {
    const whisper = await transcriber({}, { timeoutMs: 300 });
    engines.fail('stt', fault);
    const error = await rejection(whisper.recognize(said()));
    expect(error).toBeInstanceOf(APITimeoutError);
    expect(error.cause).toMatchObject({ code: 'CHARLA_PROVIDER_TIMEOUT', fields: { timeoutMs: 300 } });
  });

  it('fails with a connection error when nobody listens', async () => {
    const whisper = await transcriber();
    await engines.close();
    const error = await rejection(whisper.recognize(said()));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.cause).toBeInstanceOf(CharlaError);
  });

  it('is given up when the session gives it up, without another try', async () => {
    const whisper = await transcriber({ sttMs: 5_000 });
    const abort = new AbortController();
    const failed = rejection(whisper.recognize(said(), abort.signal));
    await expect.poll(() => requests().length).toBe(1);
    abort.abort();
    expect((await failed).cause).not.toBeInstanceOf(CharlaError);
    await expect.poll(() => request().abortedAt).toBeDefined();
    expect(requests()).toHaveLength(1);
  });
});

describe('a stream of speech', () => {
  /** What a stream gave, with the number of requests that had reached the server by then. */
  interface Heard {
    type: stt.SpeechEventType;
    text?: string | undefined;
    requests: number;
  }

  function listen(whisper: WhisperSTT): { stream: stt.SpeechStream; heard: Heard[]; over: Promise<void> } {
    const stream = whisper.stream();
    const heard: Heard[] = [];
    const follow = async () => {
      for await (const event of stream) {
        heard.push({ type: event.type, text: recognised(event), requests: requests().length });
      }
    };
    return { stream, heard, over: follow() };
  }

  /** Pushes sound as a microphone does; `pace` 2 takes twice the time, 0 none. */
  async function speak(stream: stt.SpeechStream, pcm: Int16Array, pace = 0): Promise<void> {
    for (const frame of toFrames(pcm)) {
      stream.pushFrame(frame);
      if (pace > 0) await sleep(20 * pace);
    }
  }

  const between = (fromMs: number, toMs: number) =>
    sentence.subarray((fromMs * SPEECH_SAMPLE_RATE) / 1000, (toMs * SPEECH_SAMPLE_RATE) / 1000);
  const textsOf = (heard: Heard[], type: stt.SpeechEventType) =>
    heard.filter((one) => one.type === type).map((one) => one.text);
  const finals = (heard: Heard[]) => textsOf(heard, FINAL_TRANSCRIPT);

  it('has one final transcript for each utterance, in their order even when the first takes longer', async () => {
    const whisper = await transcriber({ transcript: (one) => `${secondsOf(one).toFixed(0)} s` });
    const { stream, heard, over } = listen(whisper);
    // The first request fails, and its second try comes when the other utterance's text is long there.
    engines.fail('stt', { status: 500, times: 1 });
    const long = [...between(0, 2_800), ...silence(100), ...between(330, 2_990)];
    await speak(stream, Int16Array.from([...long, ...silence(700), ...sentence]));
    stream.endInput();
    await over;
    const kinds = heard.map((one) => one.type).filter((type) => type !== FINAL_TRANSCRIPT);
    expect(kinds).toEqual([START_OF_SPEECH, END_OF_SPEECH, START_OF_SPEECH, END_OF_SPEECH]);
    expect(requests().map((one) => secondsOf(one).toFixed(0))).toEqual(['6', '3', '6']);
    expect(finals(heard)).toEqual(['6 s', '3 s']);
  });

  it('asks in the pause, before the utterance is called over, for the sound from before its first detection', async () => {
    const whisper = await transcriber({ transcript: 'hola' });
    await fetch(`${engines.baseUrl}/models`);
    const { stream, heard, over } = listen(whisper);
    await speak(stream, sentence);
    await speak(stream, silence(600), 2);
    await expect.poll(() => finals(heard)).toEqual(['hola']);
    stream.close();
    await over;
    expect(heard.find((one) => one.type === END_OF_SPEECH)?.requests).toBe(1);
    expect(requests()).toHaveLength(1);
    // Speech is detected at 352 ms, in its third window; with the 300 ms before, that is from the very beginning.
    expect(request().file.subarray(44, 20_000).equals(Buffer.from(sentence.buffer).subarray(0, 19_956))).toBe(
      true,
    );
  });

  it('gives that request up when speech goes on, and sends the whole utterance', async () => {
    const onSpeculation = vi.fn();
    const whisper = await transcriber(
      { sttMs: 2_000, transcript: (one) => `${secondsOf(one).toFixed(0)} s` },
      { onSpeculation },
    );
    const { stream, heard, over } = listen(whisper);
    await speak(stream, between(0, 2_800));
    // With the end of the one and the beginning of the other, 224 ms of silence to the VAD's ear.
    await speak(stream, silence(220));
    await speak(stream, between(330, 480), 4);
    expect(requests()).toHaveLength(1);
    await speak(stream, between(480, 2_990));
    await speak(stream, silence(600), 1);
    await expect.poll(() => finals(heard).length, { timeout: 10_000 }).toBe(1);
    stream.close();
    await over;
    expect(heard.map((one) => one.type)).toEqual([START_OF_SPEECH, END_OF_SPEECH, FINAL_TRANSCRIPT]);
    await expect.poll(() => request().abortedAt).toBeDefined();
    expect(finals(heard)).toEqual(['6 s']);
    expect(onSpeculation.mock.calls).toEqual([
      ['thrown_away', expect.any(Number)],
      ['used', expect.any(Number)],
    ]);
  });

  it('says with an error that an utterance was lost, and hears the next one', async () => {
    const busy: boolean[] = [];
    const whisper = await transcriber(
      { transcript: 'otra vez' },
      { onTranscribing: (awaited) => busy.push(awaited) },
    );
    const errors: Array<{ error: Error; recoverable: boolean }> = [];
    whisper.on('error', (event) => errors.push(event));
    engines.fail('stt', { status: 500, times: 2 });
    const { stream, heard, over } = listen(whisper);
    await speak(stream, Int16Array.from([...sentence, ...silence(700)]));
    await expect.poll(() => errors.length, { timeout: 5_000 }).toBe(1);
    await speak(stream, Int16Array.from([...sentence, ...silence(700)]));
    await expect.poll(() => finals(heard), { timeout: 5_000 }).toEqual(['otra vez']);
    stream.close();
    await over;
    // Once each: words are awaited, they are there (or lost).
    expect(busy).toEqual([true, false, true, false]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ type: 'stt_error', recoverable: true });
    expect(errors[0]?.error.cause).toBeInstanceOf(CharlaError);
  });

  it('gives no transcript for what was not said, and tells when that is known', async () => {
    let nothing = 0;
    const onNothing = () => {
      nothing += 1;
    };
    const transcript = () => ({ text: 'Gracias.', noSpeechProb: 0.5 });
    const whisper = await transcriber({ transcript }, { onNothing });
    const { stream, heard, over } = listen(whisper);
    await speak(stream, sentence);
    stream.endInput();
    await over;
    expect(heard.map((one) => one.type)).toEqual([START_OF_SPEECH, END_OF_SPEECH]);
    expect(nothing).toBe(1);
  });

  it('does not tell that nothing was said while the caller speaks again', async () => {
    let nothing = 0;
    const onNothing = () => {
      nothing += 1;
    };
    const transcript = () => ({ text: 'Gracias.', noSpeechProb: 0.5 });
    const whisper = await transcriber({ sttMs: 900, transcript }, { onNothing });
    const { stream, heard, over } = listen(whisper);
    await speak(stream, Int16Array.from([...sentence, ...silence(500)]));
    await speak(stream, sentence, 1);
    expect(heard.filter((one) => one.type === START_OF_SPEECH)).toHaveLength(2);
    expect(nothing).toBe(0);
    stream.endInput();
    await over;
    expect(nothing).toBe(1);
  });

  it('tells of a voice from its first window on, and how long ago it began', async () => {
    const onVoice = vi.fn();
    const whisper = await transcriber({}, { onVoice });
    const { stream, over } = listen(whisper);
    await speak(stream, silence(500), 1);
    expect(onVoice).not.toHaveBeenCalled();
    await speak(stream, between(330, 1_500), 1);
    await expect.poll(() => onVoice.mock.calls.length).toBeGreaterThan(10);
    stream.close();
    await over;
    const told = onVoice.mock.calls.map(([agoMs]) => agoMs);
    expect(told[0]).toBeGreaterThanOrEqual(32);
    expect(told[1] - told[0]).toBeGreaterThan(0);
    expect(Math.max(...told)).toBeGreaterThan(10 * 32);
  });

  it('hears somebody who does not pause, piece by piece', async () => {
    const whisper = await transcriber({ transcript: (one) => `${secondsOf(one).toFixed(0)} s` });
    const { stream, heard, over } = listen(whisper);
    // Speech whose pauses are taken out: the VAD hears none in 28 s.
    const breathless = Array.from({ length: 12 }, () => [...between(330, 2_650)]).flat();
    await speak(stream, Int16Array.from(breathless));
    stream.endInput();
    await over;
    expect(heard.filter((one) => one.type === START_OF_SPEECH)).toHaveLength(1);
    expect(finals(heard)[0]).toBe('25 s');
    expect(finals(heard)).toHaveLength(2);
  });

  it('hears nothing in silence and asks nothing', async () => {
    const whisper = await transcriber();
    const { stream, heard, over } = listen(whisper);
    await speak(stream, silence(2_000));
    stream.endInput();
    await over;
    expect(heard).toEqual([]);
    expect(requests()).toEqual([]);
  });

  it('gives up what it asked when it is closed, without an error', async () => {
    const whisper = await transcriber({ sttMs: 5_000 });
    const errors: unknown[] = [];
    whisper.on('error', (event) => errors.push(event));
    const { stream, over } = listen(whisper);
    await speak(stream, Int16Array.from([...sentence, ...silence(400)]));
    await expect.poll(() => requests().length).toBe(1);
    stream.close();
    await over;
    await expect.poll(() => request().abortedAt).toBeDefined();
    expect(errors).toEqual([]);
  });

  describe('whose words are guessed while they are spoken', () => {
    const long = Int16Array.from([...between(0, 2_800), ...silence(100), ...between(330, 2_990)]);
    const length = (one: TranscriptionRequest) => `${secondsOf(one).toFixed(1)} s`;

    it('has guesses that grow, and its final transcript after them', async () => {
      const onSpeculation = vi.fn();
      const whisper = await transcriber({ transcript: length }, { interim: true, onSpeculation });
      const { stream, heard, over } = listen(whisper);
      await speak(stream, long, 1);
      await speak(stream, silence(600), 1);
      await expect.poll(() => finals(heard)).toHaveLength(1);
      stream.close();
      await over;
      const guesses = textsOf(heard, INTERIM_TRANSCRIPT).map((text) => Number.parseFloat(text ?? ''));
      expect(guesses.length).toBeGreaterThanOrEqual(2);
      expect(guesses[0]).toBeGreaterThanOrEqual(1.5);
      for (const [index, guess] of guesses.slice(1).entries()) {
        expect(guess - (guesses[index] ?? 0)).toBeGreaterThanOrEqual(1.5);
      }
      const kinds = heard.map((one) => one.type).filter((type) => type !== INTERIM_TRANSCRIPT);
      expect(kinds).toEqual([START_OF_SPEECH, END_OF_SPEECH, FINAL_TRANSCRIPT]);
      expect(heard.at(-1)?.type).toBe(FINAL_TRANSCRIPT);
      const results = onSpeculation.mock.calls.map(([result]) => result);
      expect(results.filter((result) => result === 'caption')).toHaveLength(guesses.length);
      expect(results.at(-1)).toBe('used');
      for (const [, engineMs] of onSpeculation.mock.calls) expect(engineMs).toBeGreaterThan(0);
    });

    it('is guessed at less often by an engine that is slow', async () => {
      const whisper = await transcriber({ sttMs: 600, transcript: length }, { interim: true });
      const { stream, heard, over } = listen(whisper);
      await speak(stream, long, 1);
      stream.close();
      await over;
      const [first = 0, second = Number.POSITIVE_INFINITY] = textsOf(heard, INTERIM_TRANSCRIPT).map((text) =>
        Number.parseFloat(text ?? ''),
      );
      // Four times the guess, from when it was there.
      expect(second - first).toBeGreaterThanOrEqual(0.6 + 4 * 0.6);
    });

    it('takes the engine from a guess as soon as the caller pauses', async () => {
      const whisper = await transcriber({ sttMs: 2_500, transcript: length }, { interim: true });
      const { stream, heard, over } = listen(whisper);
      await speak(stream, sentence, 1);
      await speak(stream, silence(600), 1);
      expect(requests()).toHaveLength(2);
      await expect.poll(() => request(0).abortedAt).toBeDefined();
      await expect.poll(() => finals(heard), { timeout: 5_000 }).toHaveLength(1);
      expect(textsOf(heard, INTERIM_TRANSCRIPT)).toEqual([]);
      stream.close();
      await over;
    });

    it('loses nothing when a guess fails', async () => {
      const whisper = await transcriber({ transcript: 'hola' }, { interim: true });
      const errors: unknown[] = [];
      whisper.on('error', (event) => errors.push(event));
      engines.fail('stt', { status: 400, times: 1 });
      const { stream, heard, over } = listen(whisper);
      await speak(stream, sentence, 1);
      await speak(stream, silence(600), 1);
      await expect.poll(() => finals(heard)).toEqual(['hola']);
      stream.close();
      await over;
      expect(errors).toEqual([]);
    });
  });
});
