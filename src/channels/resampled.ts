import { AudioFrame, AudioResampler } from '@livekit/rtc-node';

/** A sound at another rate. @param pcm - 16-bit PCM, mono @param from - its samples a second @param to - those wanted */
export function resampled(pcm: Int16Array, from: number, to: number): Int16Array {
  const resampler = new AudioResampler(from, to);
  const frames = [...resampler.push(new AudioFrame(pcm, from, 1, pcm.length)), ...resampler.flush()];
  resampler.close();
  return Int16Array.from(frames.flatMap(({ data }) => [...data]));
}
