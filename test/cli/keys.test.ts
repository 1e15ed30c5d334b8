import { describe, expect, it } from 'vitest';
import { createKeyFinder } from '../../src/config/api-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import { runCharla } from '../support/run-charla.ts';

describe('charla keys create', () => {
  it('shows a key once, and the line of .env that makes it count', async () => {
    const { stdout, exitCode } = await runCharla(
      ['keys', 'create', 'shop', '--scope', 'sessions,history'],
      {},
    );
    expect(exitCode).toBe(0);
    const key = /charla_[\w-]{43}/.exec(stdout)?.[0];
    const entry = /^ *API_KEYS=(\S+)$/m.exec(stdout)?.[1] ?? '';
    expect(stdout.split('charla_')).toHaveLength(2);
    expect(createKeyFinder(loadConfig({ API_KEYS: entry }))(key)).toMatchObject({
      name: 'shop',
      scopes: new Set(['sessions', 'history']),
    });
  });

  it.each([
    ['a scope that there is not', ['shop', '--scope', 'everything'], /Scopes are sessions/],
    ['no scope', ['shop'], /--scope/],
    ['no scope in the list', ['shop', '--scope', ','], /Scopes are sessions/],
    ['a name with a colon', ['my:shop', '--scope', 'sessions'], /no name/],
  ])('says what is wrong with %s, and makes none', async (_what, args, problem) => {
    const { stdout, stderr, exitCode } = await runCharla(['keys', 'create', ...args], {});
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(problem);
    expect(stdout).toBe('');
  });
});
