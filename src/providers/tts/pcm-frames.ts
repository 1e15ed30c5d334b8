import { AudioFrame } from '@livekit/rtc-node';

/**
 * Sound as frames of 20 ms: small enough to start at once, large enough for few events. The framework's `AudioByteStream`
 * (agents 1.9.0) copies all that it holds for each frame that it gives.
 *
 * @param pcm - mono, 16 bit little-endian, in pieces of any length
 * @returns each frame as soon as it is whole; the last is shorter
 */
export async function* pcmFrames(
  pcm: AsyncIterable<Uint8Array>,
  sampleRate: number,
): AsyncGenerator<AudioFrame> {
  const frameBytes = (sampleRate / 50) * 2;
  let rest: Uint8Array = new Uint8Array();
  for await (const piece of pcm) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    for (; at + frameBytes <= bytes.length; at += frameBytes)
      yield frameOf(bytes.subarray(at, at + frameBytes), sampleRate);
    rest = bytes.subarray(at);
  }
  if (rest.length > 1) yield frameOf(rest.subarray(0, rest.length - (rest.length % 2)), sampleRate);
}

function frameOf(bytes: Uint8Array, sampleRate: number): AudioFrame {
  // A copy: rtc-node hands the whole buffer behind the samples to its native side.
  const samples = new Int16Array(new Uint8Array(bytes).buffer);
  return new AudioFrame(samples, sampleRate, 1, samples.length);
}
