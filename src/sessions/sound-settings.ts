import { z } from 'zod';

/** Sounds behind the agent's voice. */
export const AMBIENCES = ['office', 'cafe', 'none'] as const;
export const THINKING_SOUNDS = ['keyboard', 'none'] as const;

const ambience = z.strictObject({
  sound: z.enum(AMBIENCES).describe('Where the agent seems to be.'),
  volume: z.number().min(0).max(1).default(0.3).describe('1 is as loud as a voice.'),
});

const recording = z.strictObject({
  enabled: z.boolean(),
  format: z
    .enum(['ogg', 'wav'])
    .default('ogg')
    .describe('Opus in Ogg, 22 MB an hour; or WAV, 346 MB an hour.'),
  consent: z
    .boolean()
    .default(true)
    .describe('The agent says first that the call is recorded; nothing is recorded before it has.'),
});

/** What a profile says of what is heard beside words, and of what is kept of it. */
export const soundSettings = {
  ambience: ambience
    .optional()
    .describe('What the caller hears behind the agent, from the greeting to the end.'),
  thinking_sound: z
    .enum(THINKING_SOUNDS)
    .optional()
    .describe('What the caller hears while an answer takes long, or a tool runs.'),
  recording: recording.optional().describe('Whether calls are recorded, both sides.'),
};

export type RecordingSettings = z.output<typeof recording>;
