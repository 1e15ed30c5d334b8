import type { AudioFrame } from '@livekit/rtc-node';

export const WAV_HEADER_BYTES = 44;
const BYTES_PER_SAMPLE = 2;

/** The samples of frames of one shape, joined. The framework's `mergeFrames` copies all of them once a frame. */
export function joinFrames(frames: readonly AudioFrame[]): Int16Array {
  const pcm = new Int16Array(frames.reduce((sum, frame) => sum + frame.data.length, 0));
  let at = 0;
  for (const frame of frames) {
    pcm.set(frame.data, at);
    at += frame.data.length;
  }
  return pcm;
}

/**
 * A WAV file.
 *
 * @param pcm - 16 bit, channels interleaved
 * @param sampleRate - Hz
 */
export function encodeWav(pcm: Int16Array, sampleRate: number, channels: number): Buffer {
  const header = wavHeader(pcm.byteLength, sampleRate, channels);
  return Buffer.concat([header, new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)]);
}

/** What stands before so many bytes of 16-bit PCM in a WAV file. */
export function wavHeader(bytes: number, sampleRate: number, channels: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  const frameBytes = channels * BYTES_PER_SAMPLE;
  header.write('RIFF', 0);
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * frameBytes, 28);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(BYTES_PER_SAMPLE * 8, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  return header;
}
