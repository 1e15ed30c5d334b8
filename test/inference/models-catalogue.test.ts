import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CATALOGUE, downloadBytes, findModel } from '../../src/inference/catalogue.ts';
import { outputsOf } from '../../src/inference/fetch/fetch-source.ts';

const sources = CATALOGUE.flatMap((model) => model.parts.flatMap((part) => part.sources));

test('every file is pinned by size and SHA-256', () => {
  for (const file of sources.flatMap(
    (source): readonly { bytes: number; sha256: string }[] => source.files,
  )) {
    expect(file.bytes).toBeGreaterThan(0);
    expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('publishers are asked over HTTPS at a fixed commit, tag or release', () => {
  for (const source of sources.filter((candidate) => candidate.kind === 'https')) {
    for (const { url } of source.files) {
      expect(url).toMatch(/^https:\/\/.*\/(resolve\/([0-9a-f]{40}|v1\.0\.0)|releases\/download\/[^/]+)\//);
    }
  }
});

test('packages are taken in exact versions', () => {
  const packages = sources.flatMap((source) => {
    if (source.kind === 'npm') return [source.package];
    return source.kind === 'pypi' ? source.packages : [];
  });
  for (const { version } of packages) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test('all sources of a part bring the same files', () => {
  for (const part of CATALOGUE.flatMap((model) => model.parts)) {
    const [first, ...others] = part.sources.map((source) => outputsOf(source).sort());
    for (const other of others) expect(other).toEqual(first);
  }
});

test('there is a default model for hearing, speaking and thinking, each for Spanish and English', () => {
  for (const job of ['stt', 'tts', 'llm']) {
    const defaults = CATALOGUE.filter((model) => model.default && model.job === job);
    expect(new Set(defaults.flatMap((model) => model.languages))).toEqual(new Set(['es', 'en']));
  }
});

test('NOTICE names every model with its licence and its home', async () => {
  const notice = await readFile('NOTICE', 'utf8');
  for (const { name, licence, home } of CATALOGUE) {
    expect(notice).toContain(name);
    expect(notice).toContain(licence);
    expect(notice).toContain(home);
  }
});

test('an unknown model is refused with the way to see the known ones', () => {
  expect(() => findModel('gpt-5')).toThrow(
    'There is no model «gpt-5». `npm run charla -- models list` names those there are.',
  );
});

test('the size of a model is what its first sources send', () => {
  expect(downloadBytes(findModel('whisper-base'))).toBe(81_768_585);
  expect(downloadBytes(findModel('kokoro'))).toBe(325_532_387 + 10 * 522_240);
});
