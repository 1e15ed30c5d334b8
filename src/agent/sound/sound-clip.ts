import { join } from 'node:path';
import { voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { execa } from 'execa';
import { clipSample } from '../../clip-sample.ts';
import { ffmpegPath } from './ffmpeg.ts';

/** What the framework mixes in, Hz. */
const SAMPLE_RATE = 48_000;
const FRAME_SAMPLES = SAMPLE_RATE / 10;
/** End and beginning of a clip are blended over this long, so that nobody hears where it begins anew. */
const BLEND_SAMPLES = SAMPLE_RATE;
/** Root mean square of a clip at volume 1, of full scale: that of a voice. */
const VOICE_LEVEL = 0.05;
/** The folder `sounds/` of the package, beside `src/` and `dist/`. */
const SOUNDS = join(import.meta.dirname, '..', '..', '..', 'sounds');

const { BuiltinAudioClip: Builtin, getBuiltinAudioPath } = voice;
const CLIPS = {
  office: getBuiltinAudioPath(Builtin.OFFICE_AMBIENCE),
  cafe: join(SOUNDS, 'cafe.ogg'),
  keyboard: getBuiltinAudioPath(Builtin.KEYBOARD_TYPING),
} as const;

export type Clip = keyof typeof CLIPS;

/**
 * A clip over and over, without a seam, and without end: the framework would decode it anew each time, by a process of
 * its own.
 *
 * @param volume - 1 is as loud as a voice
 * @throws Error when ffmpeg cannot be started
 */
export async function loopClip(clip: Clip, volume: number): Promise<AsyncIterable<AudioFrame>> {
  const pcm = seamless(await decode(CLIPS[clip]));
  const level = Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, pcm.length));
  const gain = level === 0 ? 0 : (volume * VOICE_LEVEL * 32_768) / level;
  return frames(pcm.map((sample) => clipSample(sample * gain)));
}

/** Silence without end: the framework's mixer ends with the last sound that it has. */
export function silence(): AsyncIterable<AudioFrame> {
  return frames(new Int16Array(FRAME_SAMPLES));
}

/** From its beginning for whoever plays it, as often as it is played. */
function frames(pcm: Int16Array): AsyncIterable<AudioFrame> {
  return { [Symbol.asyncIterator]: () => generate(pcm) };
}

async function* generate(pcm: Int16Array): AsyncGenerator<AudioFrame> {
  for (let at = 0; ; at = (at + FRAME_SAMPLES) % pcm.length) {
    const data = new Int16Array(FRAME_SAMPLES);
    const head = pcm.subarray(at, at + FRAME_SAMPLES);
    data.set(head);
    data.set(pcm.subarray(0, FRAME_SAMPLES - head.length), head.length);
    yield new AudioFrame(data, SAMPLE_RATE, 1, FRAME_SAMPLES);
  }
}

/** Mono, {@link SAMPLE_RATE}. */
async function decode(path: string): Promise<Int16Array> {
  const output = ['-f', 's16le', '-ac', '1', '-ar', String(SAMPLE_RATE), 'pipe:1'];
  const { stdout } = await execa(ffmpegPath(), ['-loglevel', 'error', '-i', path, ...output], {
    encoding: 'buffer',
    stdin: 'ignore',
  });
  return new Int16Array(stdout.slice().buffer, 0, Math.floor(stdout.byteLength / 2));
}

/** Its last second, fading out, goes under its first one, fading in. */
function seamless(pcm: Int16Array): Int16Array {
  const length = pcm.length - BLEND_SAMPLES;
  if (length < BLEND_SAMPLES) return pcm;
  const loop = pcm.slice(0, length);
  for (let at = 0; at < BLEND_SAMPLES; at += 1) {
    const place = at / BLEND_SAMPLES;
    // Of equal power: the two are not alike.
    loop[at] = (pcm[at] ?? 0) * Math.sqrt(place) + (pcm[length + at] ?? 0) * Math.sqrt(1 - place);
  }
  return loop;
}
