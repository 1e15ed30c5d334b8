import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ExecaError, execa } from 'execa';
import { z } from 'zod';
import { prepare } from '../src/cli/dev/prepare.ts';
import { printError } from '../src/cli/print-error.ts';
import { configSchema, loadConfig } from '../src/config/config.ts';
import { CharlaError } from '../src/errors.ts';
import { DEFAULT_MODELS } from '../src/inference/catalogue.ts';

/**
 * `npm test`: sets up what the tests need, runs vitest with the arguments of the command line, and ends with the line
 * `N passed, N failed, N skipped`. What this machine cannot have is named, and the suites that need it count as skipped,
 * one each; with `CI=true` it is a failure.
 */

/** Something that suites need and that may be missing. */
interface Need {
  name: string;
  /** Files, or folders with all that is in them. */
  suites: readonly string[];
  /** A project of vitest of which nothing can run without it. */
  project?: string;
}

/** Whatever places a real SIP call. */
const SIP_CALL_SUITES = [
  'test/http/outbound-calls.test.ts',
  'test/e2e/sip.test.ts',
  'test/e2e/sip-session.test.ts',
  'test/e2e/outbound.test.ts',
  'test/e2e/phone-tools.test.ts',
];
/** … or asks livekit-server for trunks. */
const SIP_SUITES = ['test/rooms/sip.test.ts', 'test/cli/sip.test.ts', ...SIP_CALL_SUITES];
/** A Debian package, installed here where that is possible, and a file that shows that it is there. */
const PACKAGES: readonly (Need & { package: string; file: string })[] = [
  {
    name: 'Chromium',
    package: 'chromium',
    file: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    suites: ['test/e2e/page.test.ts', 'test/e2e/closed-page.test.ts', 'test/e2e/docs.test.ts'],
  },
  {
    name: 'recordings of pocketsphinx-testdata',
    package: 'pocketsphinx-testdata',
    file: '/usr/share/pocketsphinx/test/data/librivox/fileids',
    suites: ['test/inference/transcription.test.ts'],
  },
  {
    name: 'Redis',
    package: 'redis-server',
    file: '/usr/bin/redis-server',
    suites: ['test/http/rate-limits.test.ts', ...SIP_SUITES],
  },
  { name: 'baresip', package: 'baresip-core', file: '/usr/bin/baresip', suites: SIP_CALL_SUITES },
  { name: 'sipp', package: 'sip-tester', file: '/usr/bin/sipp', suites: SIP_CALL_SUITES },
  {
    name: 'PostgreSQL 15',
    package: 'postgresql-15',
    file: '/usr/lib/postgresql/15/bin/postgres',
    suites: ['test/postgres', 'test/e2e/two-servers.test.ts', 'test/e2e/outbound.test.ts'],
    project: 'postgres',
  },
  {
    name: 'Python 3',
    package: 'python3',
    file: '/usr/bin/python3',
    suites: ['test/docs/webhooks.test.ts'],
  },
];
/** What livekit-sip is built with: whether it could be had is asked of livekit-sip itself. */
const BUILD_PACKAGES: readonly { package: string; file: string }[] = [
  { package: 'libopus-dev', file: '/usr/include/opus/opus.h' },
  { package: 'libopusfile-dev', file: '/usr/include/opus/opusfile.h' },
  { package: 'libsoxr-dev', file: '/usr/include/soxr.h' },
  { package: 'pkg-config', file: '/usr/bin/pkg-config' },
];
const LIVEKIT_SIP: Need = { name: 'livekit-sip', suites: SIP_SUITES };
const LIVEKIT: Need = {
  name: 'livekit-server',
  suites: [
    'test/e2e',
    'test/http',
    'test/rooms/agent-watch.test.ts',
    'test/cli/check-machine.test.ts',
    ...SIP_SUITES,
  ],
};
const MODELS: Need = {
  name: 'a local model',
  suites: ['test/e2e', 'test/inference/server.test.ts', 'test/inference/transcription.test.ts'],
};
const PAGE: Need = { name: 'the page', suites: ['test/e2e'] };
/** One after the other: what is measured end to end must not share the machine with unit tests. */
const PROJECTS = ['unit', 'postgres', 'e2e'];
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
const skippedSuites = await testFiles(missing.flatMap(({ suites }) => suites));
const args = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: skippedSuites.length };
const missingProjects = missing.map(({ project }) => project);
const projects = PROJECTS.filter((project) => !missingProjects.includes(project)).map((project) => [
  '--project',
  project,
  '--passWithNoTests',
]);
for (const project of args.some((arg) => arg.startsWith('--project')) ? [[]] : projects) {
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
  const present = await Promise.all(BUILD_PACKAGES.map(({ file }) => exists(file)));
  const wanted = BUILD_PACKAGES.filter((_, index) => present[index] === false);
  const names = [...needed, ...wanted].map((one) => one.package);
  if (names.length === 0) return [];
  const canInstall = process.getuid?.() === 0 && (await exists('/usr/bin/apt-get'));
  if (!canInstall) {
    console.error(`Install ${names.join(' and ')} (Debian: apt-get install ${names.join(' ')}).`);
    return needed;
  }
  console.log(`Installing with apt-get: ${names.join(', ')}`);
  if (names.includes('postgresql-15')) await keepPostgresIdle();
  const env = { DEBIAN_FRONTEND: 'noninteractive', UCF_FORCE_CONFFOLD: '1' };
  const options = { env, stdin: 'ignore', reject: false } as const;
  await execa('apt-get', ['update', '-qq'], options);
  const install = await execa(
    'apt-get',
    ['install', '-qq', '-y', '--no-install-recommends', ...names],
    options,
  );
  if (install.failed) console.error(install.stderr);
  return absent();
}

/** Debian's package makes a database and starts it, unless this file is there first and says not to. */
async function keepPostgresIdle(): Promise<void> {
  const file = '/etc/postgresql-common/createcluster.conf';
  if (await exists(file)) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'create_main_cluster = false\n');
}

async function prepareStack(): Promise<Need[]> {
  try {
    const { signal } = new AbortController();
    await prepare({ config: loadConfig(), models: DEFAULT_MODELS, livekitRuns: false, sip: true, signal });
    return [];
  } catch (error) {
    printError(error);
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
    return [...new Set(errors.flatMap(needsOf))];
  }
}

function needsOf(error: unknown): Need[] {
  const code = error instanceof CharlaError ? error.code : undefined;
  if (code === 'CHARLA_LIVEKIT_NOT_INSTALLED') return [LIVEKIT];
  if (code === 'CHARLA_LIVEKIT_SIP_NOT_INSTALLED') return [LIVEKIT_SIP];
  // Named already: it is one of the packages.
  if (code === 'CHARLA_REDIS_NOT_INSTALLED') return [];
  if (code === 'CHARLA_MODEL_UNAVAILABLE') return [MODELS];
  // Vite is run with execa; what failed with another error is not known.
  return error instanceof ExecaError ? [PAGE] : [LIVEKIT, LIVEKIT_SIP, MODELS, PAGE];
}

/** The test files of suites, each once. */
async function testFiles(suites: readonly string[]): Promise<string[]> {
  const files = await Promise.all(
    suites.map(async (suite) => {
      if (/\.test\.tsx?$/.test(suite)) return [suite];
      const names = await readdir(suite, { recursive: true });
      return names.filter((name) => /\.test\.tsx?$/.test(name)).map((name) => `${suite}/${name}`);
    }),
  );
  return [...new Set(files.flat())];
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
      ...(excluded.length > 0 ? await withoutFiles(excluded, folder) : []),
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

/** Options of vitest that leave files out: its own `--exclude` does not reach the projects of vitest.config.ts. */
async function withoutFiles(excluded: readonly string[], folder: string): Promise<string[]> {
  const config = join(folder, 'vitest.config.mjs');
  const lines = [
    `import config from ${JSON.stringify(resolve('vitest.config.ts'))};`,
    `const excluded = ${JSON.stringify(excluded)};`,
    'for (const { test } of config.test.projects) test.exclude = [...(test.exclude ?? []), ...excluded];',
    'config.test.passWithNoTests = true;',
    'export default config;',
  ];
  await writeFile(config, lines.join('\n'));
  return [`--config=${config}`, '--root=.'];
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
