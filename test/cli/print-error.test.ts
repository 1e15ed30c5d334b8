import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { printError } from '../../src/cli/print-error.ts';
import { CharlaError } from '../../src/errors.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('an error in the terminal', () => {
  const printed = (error: unknown) => {
    let text = '';
    printError(error, (more) => {
      text += more;
    });
    return stripVTControlCharacters(text);
  };

  it('is its title, its code and a sentence that says what to do, without a stack', () => {
    vi.stubEnv('LOG_LEVEL', 'info');
    const text = printed(new CharlaError('CHARLA_USER_NOT_FOUND', { id: 'x', known: 'juan' }));
    expect(text).toBe(
      '\nUser not found CHARLA_USER_NOT_FOUND\nThere is no user «x». The example hook knows: juan.\n',
    );
  });

  it('that nobody foresaw shows its message and how to learn more', () => {
    vi.stubEnv('LOG_LEVEL', 'info');
    const text = printed(new TypeError('x is not a function'));
    expect(text).toContain('CHARLA_INTERNAL');
    expect(text).toContain('x is not a function');
    expect(text).not.toContain('at ');
  });

  it('shows its stack and its causes with LOG_LEVEL=debug', () => {
    vi.stubEnv('LOG_LEVEL', 'debug');
    const text = printed(new CharlaError('CHARLA_INTERNAL', {}, { cause: new Error('underneath') }));
    expect(text).toMatch(/caused by Error: underneath\n\s+at /);
  });

  it('shows them too when it is .env that says LOG_LEVEL=debug', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'charla-errors-'));
    await writeFile(join(folder, '.env'), 'LOG_LEVEL=debug\n');
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    vi.stubEnv('LOG_LEVEL', undefined);
    expect(printed(new Error('underneath'))).toMatch(/Error: underneath\n\s+at /);
    await rm(folder, { recursive: true });
  });

  it('that is several is shown one after the other', () => {
    vi.stubEnv('LOG_LEVEL', 'info');
    const text = printed(new AggregateError([new Error('one'), new Error('two')], 'both'));
    expect(text).toMatch(/one\n.*two\n/s);
    expect(text).not.toContain('both');
  });
});
