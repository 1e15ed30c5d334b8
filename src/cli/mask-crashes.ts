import { inspect } from 'node:util';
import { redact } from '../telemetry/redact.ts';

/** Has what Node.js writes of an error that nobody caught go through {@link redact} too; the process ends with 1 as before. */
export function maskCrashes(): void {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${redact(inspect(error))}\n`);
    process.exit(1);
  });
}
