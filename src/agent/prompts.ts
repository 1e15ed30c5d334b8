import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Mustache from 'mustache';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Language } from '../config/config.ts';

/** The folder `prompts/` of the package, beside `src/` and `dist/`. */
const PROMPTS = join(import.meta.dirname, '..', '..', 'prompts');

const phrases = z.strictObject({
  greeting: z.string(),
  greeting_by_name: z.string(),
  model_failed: z.string(),
  model_broke_off: z.string(),
  not_heard: z.string(),
  voice_failed: z.string(),
});

/** The sentences that the agent says by itself, in one language. */
export type Phrases = z.output<typeof phrases>;

/** Every word that the agent is told or says by itself, in one language. */
export interface Prompts {
  phrases: Phrases;
  /**
   * The model's instructions.
   *
   * @param fields.data - the data tools, rendered and sanitised; empty when there are none
   */
  instructions(fields: { project: string; data: string }): string;
  /** The first sentence of a call. */
  greeting(name: string | undefined): string;
}

/**
 * Reads `prompts/<language>/`.
 *
 * @throws Error when a file is missing, or `phrases.yaml` lacks a phrase or has one too many
 */
export function loadPrompts(language: Language): Prompts {
  const folder = join(PROMPTS, language);
  const template = readFileSync(join(folder, 'assistant.md'), 'utf8');
  const said = phrases.parse(parse(readFileSync(join(folder, 'phrases.yaml'), 'utf8')));
  return {
    phrases: said,
    instructions: (fields) => Mustache.render(template, fields, {}, { escape: String }).trim(),
    greeting: (name) =>
      name === undefined
        ? said.greeting
        : Mustache.render(said.greeting_by_name, { name }, {}, { escape: String }),
  };
}
