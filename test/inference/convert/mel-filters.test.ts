import { expect, test } from 'vitest';
import { FFT_BINS, melFilters } from '../../../src/inference/convert/mel-filters.ts';

// Figures of librosa 0.10: librosa.filters.mel(sr=16000, n_fft=400, n_mels=80).
test('the filters are those of librosa', () => {
  const filters = melFilters(80);
  const at = (band: number, bin: number) => filters[band * FFT_BINS + bin];
  expect(filters).toHaveLength(80 * 201);
  expect(at(0, 1)).toBeCloseTo(0.02486259, 6);
  expect(at(1, 1)).toBeCloseTo(0.00199082, 6);
  expect(at(1, 2)).toBeCloseTo(0.02287177, 6);
});

test('each filter is a triangle of its own: it rises, falls and is nowhere negative', () => {
  const filters = melFilters(80);
  for (let band = 0; band < 80; band++) {
    const row = filters.subarray(band * FFT_BINS, (band + 1) * FFT_BINS);
    const peak = row.indexOf(Math.max(...row));
    expect(Math.min(...row)).toBe(0);
    expect([...row.subarray(0, peak)]).toEqual([...row.subarray(0, peak)].sort((a, b) => a - b));
    expect([...row.subarray(peak)]).toEqual([...row.subarray(peak)].sort((a, b) => b - a));
  }
});
