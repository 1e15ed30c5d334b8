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
  filler: z.string(),
  turn_limit: z.string(),
  still_there: z.string(),
  goodbye: z.string(),
  silence_goodbye: z.string(),
  minute_left: z.string(),
  time_over: z.string(),
  transferring: z.string(),
  transfer_failed: z.string(),
  recording_notice: z.string(),
});

const toolWords = z.strictObject({
  result: z.string(),
  look_up: z.strictObject({ description: z.string(), path: z.string() }),
  update_data: z.strictObject({
    description: z.string(),
    path: z.string(),
    value: z.string(),
    question: z.string(),
    not_found: z.string(),
    not_allowed: z.string(),
    not_single: z.string(),
    wrong_type: z.string(),
    refused: z.string(),
  }),
  hang_up: z.strictObject({ description: z.string() }),
  send_dtmf: z.strictObject({
    description: z.string(),
    digits: z.string(),
    wrong: z.string(),
    failed: z.string(),
  }),
  transfer: z.strictObject({ description: z.string(), to: z.string() }),
  not_allowed: z.string(),
  awaits_yes: z.string(),
  done: z.string(),
  declined: z.string(),
  failed: z.string(),
});

const answers = z.strictObject({
  yes: z.array(z.string()),
  no: z.array(z.string()),
  courtesy: z.array(z.string()),
});

const phoneWords = z.strictObject({
  keys: z.string(),
  voicemail: z.array(z.string()),
  menu: z.array(z.string()),
});

const backchannels = z.strictObject({ always: z.array(z.string()), unless_asked: z.array(z.string()) });

/** The sentences that the agent says by itself, in one language. */
export type Phrases = z.output<typeof phrases>;

/** What the model reads about its tools, and what the agent says around a change. */
export type ToolWords = z.output<typeof toolWords>;

/** Words and phrases of whoever answers yes or no: lower case, without accents and punctuation. */
export type Answers = z.output<typeof answers>;

/** What is heard and read on the telephone alone; phrases are lower case, without accents and punctuation. */
export type PhoneWords = z.output<typeof phoneWords>;

/** Words of a listener: lower case, without accents and punctuation. */
export type Backchannels = z.output<typeof backchannels>;

/** Every word that the agent is told, says by itself, or knows how to take, in one language. */
export interface Prompts {
  phrases: Phrases;
  tools: ToolWords;
  /** What is a clear yes or no to the agent's question. */
  answers: Answers;
  /** What a listener says without taking the turn. */
  backchannels: Backchannels;
  phone: PhoneWords;
  /**
   * The model's instructions.
   *
   * @param fields.data - the data tools, rendered and sanitised; empty when there are none
   * @param fields.extra - what the profile adds; empty when it adds nothing
   * @param fields.canLookUp - whether the model has `look_up`
   * @param fields.isPhone - whether the person holds a telephone
   */
  instructions(fields: {
    project: string;
    data: string;
    extra?: string;
    canLookUp?: boolean;
    isPhone?: boolean;
  }): string;
  /** The first sentence of a call. */
  greeting(name: string | undefined): string;
}

/**
 * Reads `prompts/<language>/`.
 *
 * @throws Error when a file is missing, or one of those in YAML lacks a key or has one too many
 */
export function loadPrompts(language: Language): Prompts {
  const folder = join(PROMPTS, language);
  const template = readFileSync(join(folder, 'assistant.md'), 'utf8');
  const yaml = (file: string): unknown => parse(readFileSync(join(folder, file), 'utf8'));
  const said = phrases.parse(yaml('phrases.yaml'));
  return {
    phrases: said,
    tools: toolWords.parse(yaml('tools.yaml')),
    answers: answers.parse(yaml('answers.yaml')),
    backchannels: backchannels.parse(yaml('backchannels.yaml')),
    phone: phoneWords.parse(yaml('phone.yaml')),
    instructions: (fields) => Mustache.render(template, fields, {}, { escape: String }).trim(),
    greeting: (name) =>
      name === undefined
        ? said.greeting
        : Mustache.render(said.greeting_by_name, { name }, {}, { escape: String }),
  };
}
