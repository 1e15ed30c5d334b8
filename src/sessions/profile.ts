import { z } from 'zod';
import { PRIVATE_KEY } from '../config/private-key.ts';
import type { JsonValue } from './data-tools.ts';
import { phoneNumber } from './phone-number.ts';
import { phoneSettings, phoneTools } from './phone-settings.ts';
import { soundSettings } from './sound-settings.ts';

/** Telephone numbers that a profile answers, at most. */
const MAX_NUMBERS = 100;

/** Longest text that a profile adds to the agent's instructions. */
export const MAX_INSTRUCTIONS_CHARS = 2_000;

const pointer = z
  .string()
  .max(256)
  .regex(
    new RegExp(`^/(?!${PRIVATE_KEY}(?:/|$))[^\\p{Cc}]+$`, 'u'),
    'is not a JSON Pointer to something that is not private',
  );

/**
 * What the agent may do for the sessions of a profile. A tool that only reads is there unless it is forbidden, and so is
 * hanging up; one that changes something is not there unless it is allowed, and asks the caller first unless `confirm` is
 * false.
 */
const toolsSchema = z.strictObject({
  look_up: z.strictObject({ allowed: z.boolean() }).optional(),
  update_data: z
    .strictObject({
      allowed: z.boolean(),
      confirm: z.boolean().default(true),
      paths: z.array(pointer).min(1).max(50).optional().describe('All but `private` unless given.'),
    })
    .optional(),
  ...phoneTools,
});

const number = z
  .string()
  .max(64)
  .overwrite((text) => phoneNumber(text) ?? text)
  .regex(/^\+?\d{2,15}$/, 'is not a telephone number: write it as +34911234567');

/** How the agent is for the sessions that name the profile. */
export const profileSettingsSchema = z.strictObject({
  instructions: z
    .string()
    .trim()
    .max(MAX_INSTRUCTIONS_CHARS)
    .optional()
    .describe('Added to what the agent is told.'),
  data_tools_schema: z
    .union([z.boolean(), z.record(z.string(), z.custom<JsonValue>())])
    .optional()
    .describe('JSON Schema 2020-12 that data tools have to keep to.'),
  numbers: z
    .array(number)
    .max(MAX_NUMBERS)
    .overwrite((numbers) => [...new Set(numbers)])
    .optional()
    .describe('Our telephone numbers whose calls have this profile; a number is of one profile alone.'),
  tools: toolsSchema.optional().describe('What the agent may look up, change, and do with a telephone.'),
  ...phoneSettings,
  ...soundSettings,
});

export type ProfileSettings = z.output<typeof profileSettingsSchema>;
export type ToolPermissions = z.output<typeof toolsSchema>;

export interface Profile {
  readonly name: string;
  readonly settings: ProfileSettings;
  /** Grows by one with each change. */
  readonly revision: number;
  readonly updatedAt: Date;
}
