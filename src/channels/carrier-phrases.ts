import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Language } from '../config/config.ts';

/** The folder `prompts/` of the package, beside `src/` and `dist/`. */
const PROMPTS = join(import.meta.dirname, '..', '..', 'prompts');

const phrases = z.strictObject({ busy: z.string(), failed: z.string() });

/** What a carrier's voice says to a caller for whom there is no agent. */
export type CarrierPhrases = z.output<typeof phrases>;

/** Reads `prompts/<language>/carrier.yaml`. @throws Error when it is missing, lacks a key or has one too many */
export function carrierPhrases(language: Language): CarrierPhrases {
  return phrases.parse(parse(readFileSync(join(PROMPTS, language, 'carrier.yaml'), 'utf8')));
}
