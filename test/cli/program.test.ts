import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';

describe('charla --help', () => {
  it('names every command, and each one says what it is for', async () => {
    const help = (await createProgram(['--help'])).helpInformation();
    for (const name of ['dev', 'serve', 'worker', 'inference', 'models']) {
      expect(help).toMatch(new RegExp(`^  ${name} .*\\w`, 'm'));
      const command = (await createProgram([name])).commands.find((one) => one.name() === name);
      expect(command?.helpInformation()).toMatch(/^[A-Z].{20}/m);
    }
  });
});
