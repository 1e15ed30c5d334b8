import { z } from 'zod';
import { timeText } from '../config/time-text.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import { phoneNumber, spellings } from '../sessions/phone-number.ts';
import { EXAMPLE_SESSION_ID } from '../telemetry/call-event.ts';

/** What a route that opens or changes rooms may fail with, for its `problems`. */
export const LIVEKIT_PROBLEMS = ['CHARLA_LIVEKIT_UNAVAILABLE', 'CHARLA_LIVEKIT_UNAUTHORIZED'] as const;
/** What a route that reads or writes the store may fail with, for its `problems`. */
export const STORE_PROBLEMS = [
  'CHARLA_STORE_UNAVAILABLE',
  'CHARLA_STORE_FULL',
  'CHARLA_STORE_FAILED',
] as const;

/** Text that names something: one line, nothing unseen, and no half of a character, which UTF-8 has no bytes for. */
export const name = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'contains control characters');

export const userIdSchema = name(128);
export const roomSchema = name(128);
export const profileSchema = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'may have letters, digits, «_» and «-», at most 64');
export const languageSchema = z.enum(['es', 'en']);
/** Of a session, a call, …: of other characters there are none. */
export const idSchema = z
  .string()
  .regex(/^[\w-]{1,128}$/, 'may have letters, digits, «_» and «-», at most 128');
/** A point in time that every part can hold. */
export const timeSchema = timeText({ offset: true }).transform((text) => new Date(text));

/** The two ends of a telephone call, as the HTTP API shows them. */
export const phoneSchema = z
  .object({
    direction: z.enum(['inbound', 'outbound']).describe('Whether they called us, or we them.'),
    caller: z.string().nullable().describe('E.164 where the carrier gives it so; null where it is withheld.'),
    called: z.string().nullable(),
  })
  .meta({
    id: 'Phone',
    description: 'The two ends of a telephone call.',
    examples: [{ direction: 'inbound', caller: '+34600111222', called: '+34911234567' }],
  });

/** A telephone number as people and carriers write it; it comes out as it is kept. */
export const phoneNumberSchema = z
  .string()
  .max(128)
  .overwrite((text) => phoneNumber(text) ?? text)
  .regex(/^\+?\d{2,15}$/, 'is not a telephone number: write it as +34911234567');

/** Of a list: those of a number, however it is written, or of an account of a switchboard. */
export const phoneQuery = name(128)
  .optional()
  .describe('Number of either end of a telephone call.')
  .transform((text) => (text === undefined ? undefined : writtenAs(text)));

function writtenAs(text: string): readonly string[] {
  const number = phoneNumber(text);
  return number === undefined ? [text] : spellings(number);
}

/** What the examples of a session, and of its calls, have in common. */
export const EXAMPLE_SESSION = {
  session_id: EXAMPLE_SESSION_ID,
  user_id: 'ana',
  profile: 'browser',
  channel: 'browser',
  language: 'es' as const,
  phone: null,
};
export const EXAMPLE_ROOM = `charla-${EXAMPLE_SESSION_ID}`;

export const joinSchema = z
  .object({
    session_id: z.string(),
    room: z.string(),
    identity: z.string(),
    url: z.string().describe('Of LiveKit, for clients.'),
    token: z.string().describe('Opens this room for ten minutes.'),
    expires_at: z.iso.datetime(),
    language: languageSchema,
    profile: z.string(),
  })
  .meta({
    id: 'JoinDetails',
    description: 'What a client needs to join the room of a session.',
    examples: [
      {
        session_id: EXAMPLE_SESSION.session_id,
        room: EXAMPLE_ROOM,
        identity: 'ana',
        url: 'wss://livekit.example.com',
        token: 'eyJhbGciOiJIUzI1NiJ9…',
        expires_at: '2026-01-01T12:10:00.000Z',
        language: EXAMPLE_SESSION.language,
        profile: EXAMPLE_SESSION.profile,
      },
    ],
  });

/**
 * Data tools as the document shows them; it checks nothing. What comes in goes through `parseDataTools`, what goes out
 * has been through it: checking it again would cost more than the rest of the request.
 */
export const dataToolsSchema = z.custom<DataTools>().meta({
  id: 'DataTools',
  type: 'object',
  additionalProperties: true,
  description:
    'A JSON object, at most 256 KiB and 32 levels, no key `__proto__`, `constructor` or `prototype`. What stands under `private` is for servers and agents only.',
  examples: [{ user_context: { name: 'Ana', tickets: ['#1234', '#5678'] } }],
});

/** RFC 9457, with our code and, for input that is not valid, one entry for each field. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What happened and what to do.'),
    code: z.string().describe('Stable, for programs.'),
    instance: z.string().describe('The request id, as in X-Request-Id and in the log.'),
    errors: z
      .array(
        z.object({
          path: z.string().describe('JSON Pointer into the request; `/` is the whole of it.'),
          message: z.string(),
        }),
      )
      .optional()
      .describe('One for each field that is not valid.'),
  })
  .meta({ id: 'Problem', description: 'Every error.' });
