import { type DestinationStream, type Logger, pino } from 'pino';
import { redact } from './redact.ts';

/**
 * A logger whose lines are JSON events: static message, fields beside it; secrets and people's data masked by
 * {@link redact} in each line that is written.
 *
 * @param name - the process: `serve`, `worker`, `inference`, `dev`
 * @param level - lowest level written
 * @param destination - where lines go; standard output unless given
 */
export function createLogger(name: string, level: string, destination?: DestinationStream): Logger {
  const options = { name, level, hooks: { streamWrite: redact } };
  return destination === undefined ? pino(options) : pino(options, destination);
}

export type { Logger } from 'pino';
