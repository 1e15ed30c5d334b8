import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
/** The command itself, and what the benchmarks measure against. */
const NO_BENCHMARKS = new Set(['run.ts', 'stock.ts']);

const bench = (...args: string[]) =>
  execa('node', ['--import', 'tsx', 'bench/run.ts', ...args], { cwd: ROOT, reject: false, all: true });

describe('npm run bench', () => {
  it('lists every benchmark, with the options of each', async () => {
    const files = (await readdir(join(ROOT, 'bench'))).filter(
      (file) => file.endsWith('.ts') && !NO_BENCHMARKS.has(file),
    );
    const { stdout, exitCode } = await bench('--help');
    expect(exitCode).toBe(0);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files)
      expect(stdout).toMatch(new RegExp(`^ {2}${file.replace('.ts', '')} {2,}\\S`, 'm'));
    expect(stdout).toContain('--turns <n>');
  });

  it('names the benchmarks there are when it is asked for another', async () => {
    const { all, exitCode } = await bench('speed');
    expect(exitCode).toBe(1);
    expect(all).toContain(
      'There is no benchmark «speed». There are: voice, cut-offs, barge-in, cache, rooms, phone, timeline, start, api, update.',
    );
  });

  it('refuses an option that cannot be', async () => {
    const { all, exitCode } = await bench('voice', '--turns', 'many');
    expect(exitCode).toBe(1);
    expect(all).toContain('It is a whole number from 1 on.');
  });
});
