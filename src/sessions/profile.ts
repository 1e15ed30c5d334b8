import { z } from 'zod';
import { PRIVATE_KEY } from '../config/private-key.ts';
import type { JsonValue } from './data-tools.ts';

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
 * What the agent may do for the sessions of a profile. A tool that only reads is there unless it is forbidden; one that
 * changes something is not there unless it is allowed, and asks the caller first unless `confirm` is false.
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
});

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
  tools: toolsSchema.optional().describe('What the agent may look up and change.'),
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
