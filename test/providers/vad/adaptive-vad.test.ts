import libsamplerate from '@alexanderolsen/libsamplerate-js';
import { initializeLogger, type VAD, type VADEvent, VADEventType, type VADStream } from '@livekit/agents';
import * as silero from '@livekit/agents-plugin-silero';
import { AudioFrame } from '@livekit/rtc-node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AdaptiveVAD } from '../../../src/providers/vad/adaptive-vad.ts';
import { atLevel, mixed, music, pinkNoise, repeated } from '../../support/background-sounds.ts';
import { recordedSpeech, SPEECH_SAMPLE_RATE, silence } from '../../support/recorded-speech.ts';

initializeLogger({ pretty: false, level: 'silent' });

const { START_OF_SPEECH, INFERENCE_DONE, END_OF_SPEECH } = VADEventType;
const OPTIONS = { minSilenceDuration: 250, prefixPaddingDuration: 300 };
const WINDOW_MS = 32;

const SPEECH_DB = -25;
const sentence = atLevel(recordedSpeech(), SPEECH_DB);
/** A caller who says the same four times. */
const caller = sound(silence(1_000), ...Array.from({ length: 4 }, () => [sentence, silence(1_000)]).flat());
const callerSeconds = caller.length / SPEECH_SAMPLE_RATE;

let plain: VAD;
let adaptive: VAD;
beforeAll(async () => {
  plain = await silero.VAD.load(OPTIONS);
  adaptive = new AdaptiveVAD(plain, OPTIONS);
});

function sound(...parts: Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

/** Somebody who talks without end, further away; backwards, so that nothing coincides with the caller. */
function secondVoice(seconds: number, underCaller: number): Int16Array {
  return atLevel(repeated(recordedSpeech().toReversed(), seconds), SPEECH_DB - underCaller);
}

async function resampled(pcm: Int16Array, from: number, to: number): Promise<Int16Array> {
  const resampler = await libsamplerate.create(1, from, to);
  return atLevel(resampler.full(Float32Array.from(pcm, (value) => value / 32_768)), SPEECH_DB - 3);
}

/** All that a VAD says of a sound, up to its end. */
async function events(vad: VAD, pcm: Int16Array, sampleRate = SPEECH_SAMPLE_RATE): Promise<VADEvent[]> {
  const stream = vad.stream();
  push(stream, pcm, sampleRate);
  const heard: VADEvent[] = [];
  for await (const event of stream) {
    heard.push(event);
    if (event.type === INFERENCE_DONE && event.timestamp >= lastWindow(pcm, sampleRate)) break;
  }
  stream.close();
  return heard;
}

/** Sound in frames of 20 ms. */
function push(stream: VADStream, pcm: Int16Array, sampleRate = SPEECH_SAMPLE_RATE): void {
  const samples = sampleRate / 50;
  for (let start = 0; start + samples <= pcm.length; start += samples) {
    stream.pushFrame(new AudioFrame(pcm.slice(start, start + samples), sampleRate, 1, samples));
  }
}

/** When the last full window of a sound was surely heard, ms. */
const lastWindow = (pcm: Int16Array, sampleRate = SPEECH_SAMPLE_RATE) =>
  (pcm.length / sampleRate) * 1000 - 3 * WINDOW_MS;

/** Where turns began or ended, in windows of sound. */
const windowsOf = (heard: VADEvent[], type: VADEventType) =>
  heard.filter((event) => event.type === type).map((event) => Math.round(event.timestamp / WINDOW_MS));

const joined = (event: VADEvent) => sound(...event.frames.map((frame) => frame.data));

async function turns(vad: VAD, pcm: Int16Array, sampleRate?: number) {
  const heard = await events(vad, pcm, sampleRate);
  return { starts: windowsOf(heard, START_OF_SPEECH), ends: windowsOf(heard, END_OF_SPEECH) };
}

/** How many windows later than `expected` each turn began, or ended. */
const later = (found: number[], expected: number[]) =>
  found.map((window, index) => window - (expected[index] ?? Number.NaN));

describe('a caller in silence', () => {
  it('is heard just as by Silero, event by event', async () => {
    const [one, other] = [await events(plain, caller), await events(adaptive, caller)];
    const facts = (heard: VADEvent[]) =>
      heard.map(({ frames: _, inferenceDuration: __, ...event }) => ({
        ...event,
        probability: event.probability.toFixed(4),
      }));
    expect(windowsOf(one, START_OF_SPEECH)).toHaveLength(4);
    expect(facts(other)).toEqual(facts(one));
  });

  it('is heard from the first word when they speak very softly', async () => {
    const soft = atLevel(caller, -60);
    const [{ starts }, silent] = [await turns(adaptive, soft), await turns(plain, soft)];
    expect(starts).toHaveLength(4);
    expect(starts).toEqual(silent.starts);
  });

  it('comes with the sound from before the first word, and at the end with all that was said', async () => {
    const heard = await events(adaptive, caller);
    const start = heard.find((event) => event.type === START_OF_SPEECH);
    const end = heard.find((event) => event.type === END_OF_SPEECH);
    if (!start || !end) return expect.unreachable('there was a turn');
    const upTo = (event: VADEvent, samples: number) =>
      caller.slice(event.samplesIndex - samples, event.samplesIndex);
    const preRoll = joined(start);
    expect(preRoll.length / SPEECH_SAMPLE_RATE).toBeGreaterThanOrEqual(0.3);
    expect(preRoll.length / SPEECH_SAMPLE_RATE).toBeLessThan(0.45);
    expect(preRoll).toEqual(upTo(start, preRoll.length));
    const whole = joined(end);
    expect(whole.length).toBe(preRoll.length + end.samplesIndex - start.samplesIndex);
    expect(whole).toEqual(upTo(end, whole.length));
  });
});

describe('a caller in noise', () => {
  it.each([
    ['a street at 10 dB', pinkNoise(callerSeconds, SPEECH_DB - 10)],
    ['a street at 5 dB', pinkNoise(callerSeconds, SPEECH_DB - 5)],
    ['music at 10 dB', music(callerSeconds, SPEECH_DB - 10)],
  ])('has their four turns, none later than by Silero, in %s', async (_, noise) => {
    const noisy = mixed(caller, noise);
    const [found, stock] = [await turns(adaptive, noisy), await turns(plain, noisy)];
    expect(found.starts).toHaveLength(4);
    expect(found.ends).toHaveLength(4);
    expect(Math.max(...later(found.starts, stock.starts))).toBeLessThanOrEqual(0);
  });

  it('has their turns also after the noise has grown in the middle of the call', async () => {
    const rise = silence((callerSeconds / 2) * 1000);
    const noise = sound(rise, pinkNoise(callerSeconds / 2, SPEECH_DB - 8));
    const { starts } = await turns(adaptive, mixed(caller, noise));
    const quiet = await turns(plain, caller);
    expect(starts).toHaveLength(4);
    expect(Math.max(...later(starts, quiet.starts))).toBeLessThanOrEqual(2);
  });

  it.each([
    ['music', music(15, SPEECH_DB)],
    ['a street', pinkNoise(15, SPEECH_DB)],
    ['silence', silence(15_000)],
  ])('has no turn when there is only %s', async (_, noise) => {
    expect((await turns(adaptive, noise)).starts).toEqual([]);
  });
});

describe('a caller on the telephone', () => {
  it('is heard as in the browser, at 8 kHz and brought to 16 kHz', async () => {
    const narrow = await resampled(caller, 16_000, 8_000);
    const noise = pinkNoise(callerSeconds / 2, SPEECH_DB - 18);
    const phone = await turns(adaptive, mixed(narrow, noise), 8_000);
    const stock = await turns(plain, mixed(narrow, noise), 8_000);
    expect(phone.starts).toHaveLength(4);
    expect(Math.max(...later(phone.starts, stock.starts))).toBeLessThanOrEqual(0);
    const wide = await turns(adaptive, await resampled(narrow, 8_000, 16_000));
    expect(wide.starts).toHaveLength(4);
  });
});

describe('a second voice in the background', () => {
  it('opens no turn after the caller has spoken, where it opens several by Silero alone', async () => {
    const call = sound(caller, secondVoice(7, 22));
    const [found, stock] = [await turns(adaptive, call), await turns(plain, call)];
    expect(found.starts).toHaveLength(4);
    expect(stock.starts.length).toBeGreaterThan(5);
  });

  it('does not keep the caller’s turns open or cut them, while it talks on', async () => {
    const call = mixed(sound(caller, silence(5_000)), secondVoice(callerSeconds + 5, 24));
    const [found, quiet] = [await turns(adaptive, call), await turns(plain, caller)];
    const stock = await turns(plain, call);
    expect(found.ends).toHaveLength(4);
    // The first turn began with the other voice: nothing was known yet.
    expect(Math.max(...later(found.starts, quiet.starts))).toBeLessThanOrEqual(2);
    expect(Math.max(...later(found.ends, quiet.ends).map(Math.abs))).toBeLessThanOrEqual(4);
    expect(stock.ends.length, 'without the gate it makes no difference').not.toBe(4);
  });

  it('is not told of as speech, and is not sent along when the caller speaks', async () => {
    const quiet = sound(caller, silence(5_000), sentence, silence(1_000));
    const call = mixed(quiet, sound(silence(callerSeconds * 1000), secondVoice(9, 24)));
    const heard = await events(adaptive, call);
    const starts = heard.filter((event) => event.type === START_OF_SPEECH);
    expect(starts).toHaveLength(5);
    const alone = windowsOf(await events(plain, quiet), START_OF_SPEECH);
    expect(Math.max(...later(windowsOf(heard, START_OF_SPEECH), alone))).toBeLessThanOrEqual(1);
    const last = starts.at(-1) as VADEvent;
    expect(joined(last).length / SPEECH_SAMPLE_RATE).toBeLessThan(0.45);
    expect(last.speechDuration).toBeLessThan(100);
    const stock = await events(plain, call);
    const [between, same] = [heard, stock].map((all) =>
      all.filter(
        ({ type, timestamp }) =>
          type === INFERENCE_DONE &&
          timestamp > callerSeconds * 1000 &&
          timestamp < last.timestamp - 3 * WINDOW_MS,
      ),
    ) as [VADEvent[], VADEvent[]];
    expect(same.filter(({ probability }) => probability > 0.5).length).toBeGreaterThan(50);
    expect(between.every(({ probability }) => probability <= 0.5)).toBe(true);
    expect(between.every((event) => !event.speaking && event.speechDuration === 0)).toBe(true);
    // Only a first window is not judged yet.
    expect(between.every((event) => event.rawAccumulatedSpeech <= WINDOW_MS)).toBe(true);
    const told = between.filter((event) => event.rawAccumulatedSpeech > 0);
    expect(told.length).toBeLessThan(between.length / 10);
  });

  it('is heard when the caller has been silent for twenty seconds', async () => {
    const call = sound(caller, silence(20_000), secondVoice(4, 30));
    expect((await turns(adaptive, call)).starts.length).toBeGreaterThan(4);
  });
});

describe('a stream', () => {
  it('follows options that change while it is open', async () => {
    const vad = new AdaptiveVAD(plain, OPTIONS);
    const stream = vad.stream();
    vad.updateOptions({ minSilenceDuration: 2_000 });
    expect(vad.minSilenceDuration).toBe(2_000);
    push(stream, caller);
    const types: VADEventType[] = [];
    for await (const event of stream) {
      types.push(event.type);
      if (event.timestamp >= lastWindow(caller)) break;
    }
    stream.close();
    expect(types.filter((type) => type === START_OF_SPEECH)).toHaveLength(1);
    expect(types).not.toContain(END_OF_SPEECH);
  });

  it('begins anew when it is flushed', async () => {
    const stream = adaptive.stream();
    const half = sound(silence(1_000), sentence.slice(0, 24_000));
    push(stream, half);
    stream.flush();
    push(stream, half);
    const heard: VADEvent[] = [];
    for await (const event of stream) {
      heard.push(event);
      const begun = heard.filter(({ type }) => type === START_OF_SPEECH).length;
      if (begun === 2 && event.timestamp >= lastWindow(half)) break;
    }
    stream.close();
    const [first, second] = windowsOf(heard, START_OF_SPEECH);
    expect(second).toBe(first);
    expect(windowsOf(heard, END_OF_SPEECH)).toEqual([]);
  });

  it('ends when it is closed', async () => {
    const stream = adaptive.stream();
    push(stream, caller);
    await stream.next();
    stream.close();
    expect((await stream.next()).done).toBe(true);
    expect(() =>
      stream.pushFrame(new AudioFrame(sentence, SPEECH_SAMPLE_RATE, 1, sentence.length)),
    ).toThrow();
  });

  it('ends when its detector gives up', async () => {
    const inner = plain.stream();
    vi.spyOn(plain, 'stream').mockReturnValueOnce(inner);
    const stream = adaptive.stream();
    inner.close();
    expect((await stream.next()).done).toBe(true);
    expect(() => push(stream, sentence)).toThrow('Stream is closed');
  });
});
