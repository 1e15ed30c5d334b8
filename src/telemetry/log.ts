import { type DestinationStream, type Logger, pino } from 'pino';

/** Fields that hold secrets or personal data; their values never reach a log line, at any depth we log. */
export const REDACTED_PATHS = [
  'authorization',
  'cookie',
  'token',
  'apiKey',
  'secret',
  'password',
  'dataTools',
  'data_tools',
  'text',
  'transcript',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*["x-${name}"]`]);

/**
 * A logger whose lines are JSON events: static message, fields beside it, secrets masked.
 *
 * @param name - the process: `serve`, `worker`, `inference`, `dev`
 * @param level - lowest level written
 * @param destination - where lines go; standard output unless given
 */
export function createLogger(name: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    redact: {
      paths: [...REDACTED_PATHS, '*["x-api-key"]', 'req.headers["x-api-key"]'],
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

export type { Logger } from 'pino';
