/** Length of the pieces that are looked at: 10 ms. */
const PIECES_PER_SECOND = 100;
/** Silence is 40 dB below the loudest piece. Voices breathe and hiss above digital silence. */
const THRESHOLD = 10 ** (-40 / 20);
/** What is left before the first sound and after the last, so that soft consonants stay. */
const KEPT_SECONDS = 0.03;

/**
 * Cuts the silence from both ends of a clause: at the start it is waiting time for the listener, at the end it comes on
 * top of the pause that the clause's punctuation asks for.
 *
 * @param samples - mono, -1 to 1
 * @param sampleRate - Hz
 */
export function trimSilence(samples: Float32Array, sampleRate: number): Float32Array {
  const size = Math.round(sampleRate / PIECES_PER_SECOND);
  const levels = Array.from({ length: Math.ceil(samples.length / size) }, (_, piece) =>
    rms(samples.subarray(piece * size, (piece + 1) * size)),
  );
  const threshold = Math.max(...levels, 0) * THRESHOLD;
  const first = levels.findIndex((level) => level > threshold);
  if (first === -1) return samples.subarray(0, 0);
  const last = levels.findLastIndex((level) => level > threshold);
  const kept = Math.round(KEPT_SECONDS * sampleRate);
  return samples.subarray(Math.max(0, first * size - kept), (last + 1) * size + kept);
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));
}
