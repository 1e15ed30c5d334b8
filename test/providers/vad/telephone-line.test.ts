import { initializeLogger, type VAD, VADEventType } from '@livekit/agents';
import * as silero from '@livekit/agents-plugin-silero';
import { AudioFrame } from '@livekit/rtc-node';
import { mulaw } from 'alawmulaw';
import { beforeAll, expect, it } from 'vitest';
import { resampled } from '../../../src/channels/resampled.ts';
import { AdaptiveVAD } from '../../../src/providers/vad/adaptive-vad.ts';
import { atLevel, mixed, pinkNoise } from '../../support/background-sounds.ts';
import { recordedSpeech, SPEECH_SAMPLE_RATE, silence } from '../../support/recorded-speech.ts';

initializeLogger({ pretty: false, level: 'silent' });

const LINE_RATE = 8_000;
const TURNS = 4;
const { START_OF_SPEECH, END_OF_SPEECH } = VADEventType;
const OPTIONS = { minSilenceDuration: 250, prefixPaddingDuration: 300 };

let vad: VAD;
beforeAll(async () => {
  vad = new AdaptiveVAD(await silero.VAD.load(OPTIONS), OPTIONS);
});

/** What a telephone line leaves of a sound: the band up to 4 kHz, and μ-law's coarse steps. */
function overTelephone(pcm: Int16Array): Int16Array {
  const line = resampled(pcm, SPEECH_SAMPLE_RATE, LINE_RATE);
  return resampled(mulaw.decode(mulaw.encode(line)), LINE_RATE, SPEECH_SAMPLE_RATE);
}

/** Somebody who says the same four times. */
function caller(level: number): Int16Array {
  const sentence = atLevel(recordedSpeech(), level);
  const parts = [silence(1_000), ...Array.from({ length: TURNS }, () => [sentence, silence(1_000)]).flat()];
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

async function turns(pcm: Int16Array): Promise<{ starts: number[]; ends: number[] }> {
  const stream = vad.stream();
  const samples = SPEECH_SAMPLE_RATE / 50;
  for (let start = 0; start + samples <= pcm.length; start += samples) {
    stream.pushFrame(new AudioFrame(pcm.slice(start, start + samples), SPEECH_SAMPLE_RATE, 1, samples));
  }
  const found = { starts: [] as number[], ends: [] as number[] };
  const lastMs = (pcm.length / SPEECH_SAMPLE_RATE) * 1000 - 100;
  for await (const { type, timestamp } of stream) {
    if (type === START_OF_SPEECH) found.starts.push(timestamp);
    if (type === END_OF_SPEECH) found.ends.push(timestamp);
    if (timestamp >= lastMs) break;
  }
  stream.close();
  return found;
}

it.each([
  ['of usual loudness', -25],
  ['who speaks softly', -40],
])('a caller %s is heard over a telephone line as in the room', async (_who, level) => {
  const [room, line] = [await turns(caller(level)), await turns(overTelephone(caller(level)))];
  expect(line.starts).toHaveLength(TURNS);
  expect(line.ends).toHaveLength(TURNS);
  for (const [index, start] of line.starts.entries()) {
    expect(Math.abs(start - (room.starts[index] ?? Number.NaN))).toBeLessThanOrEqual(100);
  }
});

it('the noise of a line is no speech, and ends no turn late', async () => {
  const clean = caller(-25);
  const seconds = clean.length / SPEECH_SAMPLE_RATE;
  const noise = pinkNoise(seconds, -50);
  expect(await turns(overTelephone(noise))).toEqual({ starts: [], ends: [] });
  const [room, line] = [await turns(clean), await turns(overTelephone(mixed(clean, noise)))];
  expect(line.starts).toHaveLength(TURNS);
  for (const [index, end] of line.ends.entries()) {
    expect(Math.abs(end - (room.ends[index] ?? Number.NaN))).toBeLessThanOrEqual(200);
  }
});
