import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Language } from '../config/config.ts';

/** The folder `prompts/` of the package, beside `src/` and `dist/`. */
const PROMPTS = join(import.meta.dirname, '..', '..', 'prompts');

const phrases = z.strictObject({ busy: z.string(), failed: z.string(), away: z.string() });

/** What a caller hears for whom there is no agent: from the carrier's voice, or, where the room is `away`, from ours. */
export type CarrierPhrases = z.output<typeof phrases>;

/** Reads `prompts/<language>/carrier.yaml`. @throws Error when it is missing, lacks a key or has one too many */
export function carrierPhrases(language: Language): CarrierPhrases {
  return phrases.parse(parse(readFileSync(join(PROMPTS, language, 'carrier.yaml'), 'utf8')));
}
