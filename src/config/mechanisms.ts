import { z } from 'zod';
import { commaList } from './comma-list.ts';

/**
 * What Charla does over a plain pipeline to take turns well. Each can be switched off by its name, to learn what it
 * brings (`npm run bench -- voice --ablate`) or to rule it out.
 */
export const MECHANISMS = [
  'adaptive-vad',
  'speculative-stt',
  'interim-transcripts',
  'turn-shape',
  'learned-pauses',
  'user-turn-limit',
  'filler',
  'watchdog',
  'preemptive-generation',
  'early-clauses',
  'backchannels',
  'early-hold',
  'quick-resume',
  'speech-cache',
  'learned-speech',
  'spoken-text',
  'prompt-warm-up',
] as const;

export type Mechanism = (typeof MECHANISMS)[number];

/** A list of mechanisms, separated by commas. */
export const mechanismList = z
  .string()
  .transform(commaList)
  .pipe(
    z.array(
      z.enum(MECHANISMS, { error: ({ input }) => `has ${input}, which is none of ${MECHANISMS.join(', ')}` }),
    ),
  );
