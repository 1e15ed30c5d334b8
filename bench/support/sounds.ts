import { clipSample } from '../../src/clip-sample.ts';
import { CALLER_SAMPLE_RATE } from '../../test/support/caller.ts';

/*
 * Sounds of a caller's room, made by code: the same samples in every run. Mono, CALLER_SAMPLE_RATE, levels in dB under
 * full scale.
 */

/** What a quiet room leaves in a microphone. */
export const ROOM_NOISE_DB = -60;

/** Sounds that are no words, by name, each at the loudness of speech near a microphone. */
export const NOISES: Readonly<Record<string, () => Int16Array>> = {
  cough: () => cough(),
  'door slam': () => doorSlam(),
  keyboard: () => keyboard(),
  'fan noise': () => pinkNoise(1.5, -32),
};

/** A sentence with a pause in its middle: room noise all through, never digital silence. */
export function withPause(first: Int16Array, second: Int16Array, pauseMs: number): Int16Array {
  const pause = Math.round((pauseMs / 1000) * CALLER_SAMPLE_RATE);
  const pcm = roomNoise(first.length + pause + second.length);
  mix(pcm, first, 0);
  mix(pcm, second, first.length + pause);
  return pcm;
}

/** White noise at {@link ROOM_NOISE_DB}. */
export function roomNoise(samples: number): Int16Array {
  // Evenly distributed samples have an RMS of their largest one divided by √3.
  const amplitude = 32_768 * amplitudeOf(ROOM_NOISE_DB) * Math.sqrt(3);
  const next = random(1);
  return Int16Array.from({ length: samples }, () => amplitude * next());
}

/**
 * Two coughs: each a burst of noise through the resonances of an open throat, loud for 40 ms, and 200 ms of breath after
 * it (phases and their lengths: Korpáš et al., «Analysis of the cough sound», 1996).
 */
function cough(): Int16Array {
  const pcm = silence(1.0);
  for (const start of [0, 0.45]) {
    const next = random(2 + start * 10);
    const throat = [resonator(600, 150), resonator(1_500, 300), resonator(2_800, 500)];
    for (let at = 0; at < 0.4 * CALLER_SAMPLE_RATE; at += 1) {
      const time = at / CALLER_SAMPLE_RATE;
      const envelope = Math.min(1, time / 0.005) * (Math.exp(-time / 0.05) + 0.25 * Math.exp(-time / 0.15));
      const source = next() * envelope;
      put(
        pcm,
        start * CALLER_SAMPLE_RATE + at,
        throat.reduce((sum, filter) => sum + filter(source), 0),
      );
    }
  }
  return normalised(pcm, -10);
}

/** A thump at 70 Hz under a crack of noise. */
function doorSlam(): Int16Array {
  const pcm = silence(0.6);
  const next = random(3);
  const wood = resonator(250, 200);
  for (let at = 0; at < pcm.length; at += 1) {
    const time = at / CALLER_SAMPLE_RATE;
    const thump = Math.sin(2 * Math.PI * 70 * time) * Math.exp(-time / 0.12);
    const crack = wood(next() * Math.exp(-time / 0.03)) + 0.3 * next() * Math.exp(-time / 0.01);
    put(pcm, at, thump + crack);
  }
  return normalised(pcm, -8);
}

/** Eight clicks at a typist's pace. */
function keyboard(): Int16Array {
  const pcm = silence(1.3);
  const next = random(4);
  for (let key = 0; key < 8; key += 1) {
    const start = Math.round((key * 0.15 + 0.02 * (next() + 1)) * CALLER_SAMPLE_RATE);
    const click = resonator(3_000 + 800 * next(), 900);
    for (let at = 0; at < 0.03 * CALLER_SAMPLE_RATE; at += 1) {
      put(pcm, start + at, click(next() * Math.exp(-at / CALLER_SAMPLE_RATE / 0.004)));
    }
  }
  return normalised(pcm, -8);
}

/** Noise that falls by 3 dB an octave (Paul Kellet's filter), with soft edges. */
function pinkNoise(seconds: number, db: number): Int16Array {
  const pcm = silence(seconds);
  const next = random(5);
  let [low, middle, high] = [0, 0, 0];
  const edge = 0.1 * CALLER_SAMPLE_RATE;
  for (let at = 0; at < pcm.length; at += 1) {
    const white = next();
    low = 0.99765 * low + white * 0.099046;
    middle = 0.963 * middle + white * 0.2965164;
    high = 0.57 * high + white * 1.0526913;
    put(
      pcm,
      at,
      (low + middle + high + white * 0.1848) * Math.min(1, at / edge, (pcm.length - at) / edge) * 0.1,
    );
  }
  return scaled(pcm, amplitudeOf(db) / (rms(pcm) / 32_768));
}

/** Band-pass filter with two poles: gain 1 at its centre, Hz. */
function resonator(centre: number, width: number): (sample: number) => number {
  const radius = Math.exp((-Math.PI * width) / CALLER_SAMPLE_RATE);
  const turn = 2 * radius * Math.cos((2 * Math.PI * centre) / CALLER_SAMPLE_RATE);
  let [before, twoBefore] = [0, 0];
  return (sample) => {
    const out = (1 - radius) * sample + turn * before - radius ** 2 * twoBefore;
    [before, twoBefore] = [out, before];
    return out;
  };
}

/** Numbers from −1 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = Math.round(seed * 0x9e3779b9) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

function silence(seconds: number): Float32Array {
  return new Float32Array(Math.round(seconds * CALLER_SAMPLE_RATE));
}

function put(pcm: Float32Array, at: number, value: number): void {
  const index = Math.round(at);
  pcm[index] = (pcm[index] ?? 0) + value;
}

/** @param peakDb - level of the loudest sample */
function normalised(pcm: Float32Array, peakDb: number): Int16Array {
  const peak = pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-9);
  return scaled(pcm, amplitudeOf(peakDb) / peak);
}

function scaled(pcm: Float32Array, factor: number): Int16Array {
  return Int16Array.from(pcm, (sample) => limited(sample * factor * 32_768));
}

function rms(pcm: Float32Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample ** 2, 0) / pcm.length) * 32_768;
}

function amplitudeOf(db: number): number {
  return 10 ** (db / 20);
}

function mix(into: Int16Array, sound: Int16Array, at: number): void {
  for (const [index, sample] of sound.entries()) {
    into[at + index] = limited((into[at + index] ?? 0) + sample);
  }
}

function limited(sample: number): number {
  return clipSample(Math.round(sample));
}
