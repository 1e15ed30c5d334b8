import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { printError } from '../../src/cli/print-error.ts';
import { CharlaError } from '../../src/errors.ts';

afterEach(() => vi.unstubAllEnvs());

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
});
