import { type DestinationStream, type Logger, pino } from 'pino';

/** Fields that hold secrets or what people said; in a log line their values are masked. */
const REDACTED_FIELDS = [
  'authorization',
  'Authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'X-API-Key',
  'token',
  'apiKey',
  'apiSecret',
  'secret',
  'password',
  'dataTools',
  'data_tools',
  'text',
  'transcript',
] as const;

/** A field of the line itself, of an object in it (`headers`, `err`), of an object in that one (`err.headers`). */
const DEPTHS = ['', '*', '*.*'] as const;

/**
 * A logger whose lines are JSON events: static message, fields beside it, secrets masked where we log them: in the line
 * and up to two objects down.
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
      paths: REDACTED_FIELDS.flatMap((field) => DEPTHS.map((depth) => `${depth}["${field}"]`)),
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

export type { Logger } from 'pino';
