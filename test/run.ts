import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { prepare } from '../src/cli/dev/prepare.ts';
import { printError } from '../src/cli/print-error.ts';
import { configSchema, loadConfig } from '../src/config/config.ts';
import { CATALOGUE } from '../src/inference/catalogue.ts';

/**
 * `npm test`: sets up what the tests need, runs vitest with the arguments of the command line, and ends with the line
 * `N passed, N failed, N skipped`. What this machine cannot have is named, and the suites that need it count as skipped,
 * one each; with `CI=true` it is a failure.
 */

/** Something that suites need and that may be missing. */
interface Need {
  name: string;
  suites: readonly string[];
}

/** A Debian package, installed here where that is possible, and a file that shows that it is there. */
const PACKAGES: readonly (Need & { package: string; file: string })[] = [
  {
    name: 'Chromium',
    package: 'chromium',
    file: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    suites: ['test/e2e/page.test.ts'],
  },
  {
    name: 'recordings of pocketsphinx-testdata',
    package: 'pocketsphinx-testdata',
    file: '/usr/share/pocketsphinx/test/data/librivox/fileids',
    suites: ['test/inference/transcription.test.ts'],
  },
];
const STACK: Need = {
  name: 'livekit-server, a local model or the page',
  suites: ['test/e2e/**', 'test/inference/**'],
};
/** One after the other: what is measured end to end must not share the machine with unit tests. */
const PROJECTS = [
  ['--project', 'unit', '--passWithNoTests'],
  ['--project', 'e2e', '--passWithNoTests'],
];
/** The caller of the tests speaks English with a voice that is not the agent's. */
const CALLER_VOICE = 'piper-joe';

const reportSchema = z.object({
  testResults: z.array(
    z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
});

const missing = [...(await installPackages()), ...(await prepareStack())];
if (missing.length > 0) {
  console.error(`\nMissing on this machine: ${missing.map(({ name }) => name).join('; ')}.`);
  if (process.env.CI === 'true') {
    console.error('CI=true: missing is failing.');
    console.log(`0 passed, ${missing.length} failed, 0 skipped`);
    process.exit(1);
  }
}
const skippedSuites = missing.flatMap(({ suites }) => suites);
const args = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: skippedSuites.length };
for (const project of args.some((arg) => arg.startsWith('--project')) ? [[]] : PROJECTS) {
  const { passed, failed, skipped } = await runVitest([...project, ...args], skippedSuites);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);

async function installPackages(): Promise<Need[]> {
  const absent = async () => {
    const present = await Promise.all(PACKAGES.map(({ file }) => exists(file)));
    return PACKAGES.filter((_, index) => present[index] === false);
  };
  const needed = await absent();
  if (needed.length === 0) return [];
  const names = needed.map((need) => need.package);
  const canInstall = process.getuid?.() === 0 && (await exists('/usr/bin/apt-get'));
  if (!canInstall) {
    console.error(`Install ${names.join(' and ')} (Debian: apt-get install ${names.join(' ')}).`);
    return needed;
  }
  console.log(`Installing with apt-get: ${names.join(', ')}`);
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdin: 'ignore', reject: false } as const;
  await execa('apt-get', ['update', '-qq'], options);
  const install = await execa(
    'apt-get',
    ['install', '-qq', '-y', '--no-install-recommends', ...names],
    options,
  );
  if (install.failed) console.error(install.stderr);
  return absent();
}

async function prepareStack(): Promise<Need[]> {
  const models = [...CATALOGUE.filter((model) => model.default).map(({ id }) => id), CALLER_VOICE];
  try {
    const { signal } = new AbortController();
    await prepare({ config: loadConfig(), models, livekitRuns: false, signal });
    return [];
  } catch (error) {
    printError(error);
    return [STACK];
  }
}

async function runVitest(args: readonly string[], excluded: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'charla-tests-'));
  const file = join(folder, 'report.json');
  const { exitCode = 1 } = await execa(
    'vitest',
    [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...excluded.map((pattern) => `--exclude=${pattern}`),
      ...args,
    ],
    { preferLocal: true, stdio: ['ignore', 'inherit', 'inherit'], env: testEnvironment(), reject: false },
  );
  const report = reportSchema.safeParse(JSON.parse(await readFile(file, 'utf8').catch(() => '{}')));
  await rm(folder, { recursive: true });
  const suites = report.success ? report.data.testResults : [];
  const tests = suites.flatMap((suite) => suite.assertionResults);
  const count = (...statuses: string[]) => tests.filter(({ status }) => statuses.includes(status)).length;
  // A suite that could not even be loaded, or whose set-up failed, has no tests in the report.
  const broken = suites
    .filter((suite) => suite.status === 'failed')
    .filter((suite) => suite.assertionResults.every(({ status }) => status !== 'failed')).length;
  const failed = count('failed') + broken;
  return {
    passed: count('passed'),
    failed: exitCode === 0 ? failed : Math.max(1, failed),
    skipped: count('skipped', 'pending', 'todo', 'disabled'),
  };
}

/** The tests see the defaults, whatever `.env` and the shell say: an empty variable counts as unset. */
function testEnvironment(): Record<string, string> {
  const { CHARLA_HOME } = loadConfig();
  const names = Object.keys(configSchema.shape).filter((name) => name !== 'NODE_ENV');
  return { ...Object.fromEntries(names.map((name) => [name, ''])), CHARLA_HOME, LLM_PROVIDER: 'local' };
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
