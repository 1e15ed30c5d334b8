/** A voice's fundamental is looked for in this range, Hz. */
const LOWEST = 100;
const HIGHEST = 500;
/** A shorter period that fits nearly as well as the best is the true one: twice a period fits too. */
const NEARLY = 0.9;
/** Noise is less like itself. */
const A_VOICE = 0.8;

/**
 * The pitch of a short piece of a steady voice, by its autocorrelation, interpolated between samples.
 *
 * @param pcm - mono, at least 40 ms
 * @returns Hz; undefined where there is no voice
 */
export function pitchOf(pcm: Int16Array, sampleRate: number): number | undefined {
  const [shortest, longest] = [Math.floor(sampleRate / HIGHEST), Math.ceil(sampleRate / LOWEST)];
  const fits = Array.from({ length: longest + 2 }, (_, lag) => (lag < shortest - 1 ? 0 : likeness(pcm, lag)));
  const best = Math.max(...fits.slice(shortest, longest));
  if (best < A_VOICE) return undefined;
  for (let lag = shortest; lag < longest; lag += 1) {
    const [before = 0, at = 0, after = 0] = fits.slice(lag - 1, lag + 2);
    if (at < NEARLY * best || at < before || at < after) continue;
    const curve = before - 2 * at + after;
    const offset = curve === 0 ? 0 : (before - after) / (2 * curve);
    return sampleRate / (lag + offset);
  }
  return undefined;
}

/** Normalised correlation of a sound with itself, `lag` samples later. */
function likeness(pcm: Int16Array, lag: number): number {
  let [product, early, late] = [0, 0, 0];
  for (let at = 0; at + lag < pcm.length; at += 1) {
    const [x = 0, y = 0] = [pcm[at], pcm[at + lag]];
    product += x * y;
    early += x * x;
    late += y * y;
  }
  return product / Math.sqrt(early * late || 1);
}
