import { createAudioAnalyser, type LocalAudioTrack, type RemoteAudioTrack } from 'livekit-client';
import { useEffect, useRef } from 'react';

/** Reads how loud a track is right now, from 0 (silence) to 1 (loud speech). */
export type SoundLevel = () => number;

/** Root mean square of loud speech close to the microphone; counts as 1. */
const LOUD_RMS = 0.22;

/** The level of a track, for something that draws: it is read per frame and never makes React render. */
export function useSoundLevel(track: LocalAudioTrack | RemoteAudioTrack | undefined): SoundLevel {
  const read = useRef<SoundLevel>(silence);
  const source = track?.mediaStreamTrack;
  useEffect(() => {
    if (!track || !source) return;
    const { analyser, cleanup } = createAudioAnalyser(track, { fftSize: 1024 });
    const samples = new Float32Array(analyser.fftSize);
    read.current = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      return Math.min(1, Math.sqrt(power) / LOUD_RMS);
    };
    return () => {
      read.current = silence;
      void cleanup();
    };
  }, [track, source]);
  const stable = useRef<SoundLevel>(() => read.current());
  return stable.current;
}

function silence(): number {
  return 0;
}
