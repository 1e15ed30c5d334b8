import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AudioFrame } from '@livekit/rtc-node';
import wavefile from 'wavefile';

/** Sample rate of {@link recordedSpeech}, Hz. */
export const SPEECH_SAMPLE_RATE = 16_000;

/** A recorded English sentence of three seconds, mono, {@link SPEECH_SAMPLE_RATE}; see `test/fixtures/README.md`. */
export function recordedSpeech(): Int16Array {
  const wav = new wavefile.WaveFile(
    readFileSync(join(import.meta.dirname, '..', 'fixtures', 'speech-en.wav')),
  );
  return Int16Array.from(wav.getSamples(false, Int16Array as never) as unknown as Int16Array);
}

/** Digital silence, mono, {@link SPEECH_SAMPLE_RATE}. */
export function silence(ms: number): Int16Array {
  return new Int16Array((SPEECH_SAMPLE_RATE * ms) / 1000);
}

/** Cuts sound into frames of 20 ms. */
export function toFrames(...parts: Int16Array[]): AudioFrame[] {
  const samples = SPEECH_SAMPLE_RATE / 50;
  const pcm = Int16Array.from(parts.flatMap((part) => [...part]));
  return Array.from({ length: Math.floor(pcm.length / samples) }, (_, index) => {
    const part = pcm.slice(index * samples, (index + 1) * samples);
    return new AudioFrame(part, SPEECH_SAMPLE_RATE, 1, samples);
  });
}
