const SAMPLE_RATE = 16_000;
const FFT_SIZE = 400;

/** Width of one mel filter: the bins of a 400-point FFT up to 8 kHz. */
export const FFT_BINS = FFT_SIZE / 2 + 1;

/**
 * Whisper's mel filter bank: what `librosa.filters.mel(sr=16000, n_fft=400, n_mels)` gives with its defaults
 * (Slaney's mel scale and area normalisation), which is what OpenAI ships as `mel_filters.npz`.
 *
 * @param bands - number of mel bands; 80 for every Whisper model before large-v3
 * @returns `bands` × {@link FFT_BINS} weights, row-major
 */
export function melFilters(bands: number): Float32Array {
  const top = hertzToMel(SAMPLE_RATE / 2);
  const edges = Array.from({ length: bands + 2 }, (_, i) => melToHertz((top * i) / (bands + 1)));
  const filters = new Float32Array(bands * FFT_BINS);
  for (let band = 0; band < bands; band++) {
    const [low = 0, centre = 0, high = 0] = edges.slice(band, band + 3);
    const area = 2 / (high - low);
    for (let bin = 0; bin < FFT_BINS; bin++) {
      const hertz = (bin * SAMPLE_RATE) / FFT_SIZE;
      const weight = Math.min((hertz - low) / (centre - low), (high - hertz) / (high - centre));
      filters[band * FFT_BINS + bin] = Math.max(0, weight) * area;
    }
  }
  return filters;
}

// Slaney's scale: linear up to 1 kHz (mel 15), logarithmic above, 27 steps to each factor of 6.4.
const LINEAR_HERTZ_PER_MEL = 200 / 3;
const BREAK_HERTZ = 1000;
const BREAK_MEL = BREAK_HERTZ / LINEAR_HERTZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

function hertzToMel(hertz: number): number {
  return hertz < BREAK_HERTZ
    ? hertz / LINEAR_HERTZ_PER_MEL
    : BREAK_MEL + Math.log(hertz / BREAK_HERTZ) / LOG_STEP;
}

function melToHertz(mel: number): number {
  return mel < BREAK_MEL ? mel * LINEAR_HERTZ_PER_MEL : BREAK_HERTZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}
