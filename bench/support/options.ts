import { type Command, InvalidArgumentError } from 'commander';
import type { Language } from '../../src/config/config.ts';

/** Commander's parser of a whole number from 1 on. */
export function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('It is a whole number from 1 on.');
  return number;
}

/** Commander's parser of whole numbers with commas between them. */
export function counts(text: string): number[] {
  return text.split(',').map(count);
}

/** Adds `--language`. */
export function languageOption(command: Command): Command {
  return command.option('--language <language>', 'what callers and agent speak: es or en', language, 'es');
}

function language(text: string): Language {
  if (text !== 'es' && text !== 'en') throw new InvalidArgumentError('It is es or en.');
  return text;
}

/** Parses a benchmark's own arguments. */
export function parseOptions<Options extends object>(command: Command, args: readonly string[]): Options {
  return command.parse([...args], { from: 'user' }).opts<Options>();
}
