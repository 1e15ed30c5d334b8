import pc from 'picocolors';
import { readEnvironment } from '../config/config.ts';
import { CharlaError, ERRORS, messageOf } from '../errors.ts';
import { redact } from '../telemetry/redact.ts';

/**
 * Shows an error to the person at the terminal: its sentence and its code. The stack and the causes come only with
 * `LOG_LEVEL=debug` (or `trace`) in the environment or `.env`, where somebody looks for a fault in Charla itself. Of
 * an AggregateError, each of its errors is shown.
 */
export function printError(
  error: unknown,
  write: (text: string) => void = (text) => process.stderr.write(redact(text)),
): void {
  if (error instanceof AggregateError) {
    for (const one of error.errors) printError(one, write);
    return;
  }
  const known = error instanceof CharlaError;
  const code = known ? error.code : 'CHARLA_INTERNAL';
  const title = known ? error.title : ERRORS.CHARLA_INTERNAL.title;
  const sentence = known ? error.message : `${messageOf(error)}\nLOG_LEVEL=debug shows where it happened.`;
  write(`\n${pc.red(pc.bold(title))} ${pc.dim(code)}\n${sentence}\n`);
  const { LOG_LEVEL } = readEnvironment();
  if (LOG_LEVEL !== 'debug' && LOG_LEVEL !== 'trace') return;
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 5; depth++) {
    write(`${depth === 0 ? '' : 'caused by '}${at instanceof Error ? at.stack : String(at)}\n`);
    at = at instanceof Error ? at.cause : undefined;
  }
}
