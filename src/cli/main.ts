import { endWithSupervisor, isSupervised } from './dev/end-with-supervisor.ts';
import { maskCrashes } from './mask-crashes.ts';
import { printError } from './print-error.ts';
import { createProgram } from './program.ts';

maskCrashes();
if (isSupervised()) endWithSupervisor();

try {
  const args = process.argv.slice(2);
  await (await createProgram(args)).parseAsync(args, { from: 'user' });
} catch (error) {
  printError(error);
  process.exit(1);
}
