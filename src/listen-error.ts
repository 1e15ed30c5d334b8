import { CharlaError } from './errors.ts';

/**
 * What to throw when a server could not listen.
 *
 * @returns `CHARLA_PORT_TAKEN` where another program has the port, else the error as it came
 */
export function listenError(
  error: unknown,
  server: { port: number; service: string; variable: string },
): unknown {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (!isTaken) return error;
  return new CharlaError('CHARLA_PORT_TAKEN', { ...server, holder: 'another program' }, { cause: error });
}
