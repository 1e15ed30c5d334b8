import { redact } from './redact.ts';

const DONE = Symbol.for('charla.redact-output');

/**
 * Has everything masked that this process writes by `process.stdout` and `process.stderr`: the lines of the agents
 * framework and of whatever writes to the console. Our own loggers mask theirs themselves, and write by another way.
 */
export function redactOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (Object.hasOwn(stream, DONE)) continue;
    const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
    const masked = (chunk: string | Uint8Array, ...rest: unknown[]) =>
      write(typeof chunk === 'string' ? redact(chunk) : chunk, ...rest);
    Object.assign(stream, { write: masked, [DONE]: true });
  }
}
