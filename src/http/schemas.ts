import { z } from 'zod';

/** Text that names something: one line, nothing unseen. */
const name = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'contains control characters');

export const userIdSchema = name(128);
export const roomSchema = name(128);
export const profileSchema = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'may have letters, digits, «_» and «-», at most 64');
export const languageSchema = z.enum(['es', 'en']);

export const callSchema = z.object({
  session_id: z.string(),
  room: z.string(),
  identity: z.string(),
  url: z.string().describe('Of LiveKit, for clients.'),
  token: z.string().describe('Opens this room for ten minutes.'),
  expires_at: z.iso.datetime(),
  language: languageSchema,
  profile: z.string(),
});
