import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const PAGES = [
  'README.md',
  'bench/README.md',
  'docs/architecture.md',
  'docs/api.md',
  'docs/data-tools.md',
  'docs/deploy.md',
  'docs/media-streams.md',
  'docs/metrics.md',
  'docs/phone.md',
  'docs/phone-agent.md',
  'docs/recording.md',
  'docs/security.md',
  'docs/store.md',
  'docs/webhooks.md',
  'SECURITY.md',
];

const read = (path: string) => readFile(new URL(path, ROOT), 'utf8');
const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
const pages = await Promise.all(PAGES.map(async (page) => ({ page, text: await read(page) })));

const NPM_RUN = /npm (?:run )?(dev|test|bench|charla|start|build)\b(?: -- ([^`#\n]*))?/gu;
/** The program by its name, or as it is built. */
const CHARLA = /(?:(?<=`|^)charla|node dist\/cli\/main\.js) ([a-z][^`#\n]*)/gmu;

/** Every `npm run NAME -- …`, `charla …` and `node dist/cli/main.js …` of the documentation, also within a sentence. */
const commands = new Set(
  pages.flatMap(({ text }) => [
    ...[...text.matchAll(NPM_RUN)].map(([, script = '', options = '']) =>
      `${script} ${options.replaceAll(/[[\]]/g, '').trim()}`.trim(),
    ),
    ...[...text.matchAll(CHARLA)].map(([, rest = '']) => `charla ${rest.trim()}`),
  ]),
);

describe('the documentation', () => {
  it('names commands that there are', () => {
    expect(commands).toContain('dev');
    expect(commands.size).toBeGreaterThan(8);
    for (const command of commands) expect(scripts).toHaveProperty(command.split(' ')[0] ?? '');
  });

  it.each([...commands].filter((command) => /^(bench|charla) [a-z]/.test(command)))(
    'names options that «%s» has',
    async (command) => {
      const [script = '', ...args] = command.split(' ');
      const [, file = ''] = scripts[script]?.split(' ') ?? [];
      const { stdout, exitCode } = await execa('tsx', [file, ...args, '--help'], {
        cwd: ROOT,
        preferLocal: true,
        reject: false,
      });
      expect(exitCode).toBe(0);
      for (const option of args.filter((arg) => arg.startsWith('--'))) expect(stdout).toContain(option);
    },
  );

  it('links to files that there are', async () => {
    for (const { page, text } of pages) {
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/gu)].map(([, link = '']) => link);
      for (const link of links) {
        await expect(readFile(new URL(link, new URL(page, ROOT))), `${page}: ${link}`).resolves.toBeDefined();
      }
    }
  });
});
