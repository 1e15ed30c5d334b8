import { InvalidArgumentError } from 'commander';

/** Reads the value of an option that is a TCP port. @throws InvalidArgumentError, which commander shows */
export function toPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('It is no port from 1 to 65535.');
  }
  return port;
}

/** Reads the value of an option that is a time in seconds: `10`, `0.5`. @throws InvalidArgumentError */
export function toSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw new InvalidArgumentError('It is no number of seconds, like 10 or 0.5.');
  }
  return Number(text);
}
