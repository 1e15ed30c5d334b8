import { expect, test } from 'vitest';
import { toPort, toSeconds } from '../../src/cli/option-values.ts';
import { workerCommand } from '../../src/cli/worker.ts';

test.each(['0', '65536', '80.5', 'http', ''])('«%s» is no port', (text) => {
  expect(() => toPort(text)).toThrow('It is no port from 1 to 65535.');
});

test.each(['10s', '-1', 'Infinity', '1e3', ''])('«%s» is no number of seconds', (text) => {
  expect(() => toSeconds(text)).toThrow('It is no number of seconds, like 10 or 0.5.');
});

test('ports and seconds are read', () => {
  expect([toPort('8000'), toSeconds('10'), toSeconds('0.5')]).toEqual([8000, 10, 0.5]);
});

test('charla worker refuses a --drain that is no number, before anything starts', async () => {
  const errors: string[] = [];
  const command = workerCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => errors.push(text) });
  const run = command.parseAsync(['--drain', '10s'], { from: 'user' });
  await expect(run).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  expect(errors.join('')).toContain("'--drain <seconds>' argument '10s' is invalid");
});
