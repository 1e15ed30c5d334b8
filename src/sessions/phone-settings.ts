import { z } from 'zod';

/** A number in E.164, or the address of somebody at a SIP server. */
export const DESTINATION = /^(?:\+[1-9]\d{5,14}|sips?:[^\s@<>"]+@[^\s@<>"]+)$/;

/** Seconds of silence after which the agent asks whether somebody is there. */
const SILENCE_S = 12;
/** How often it asks before it hangs up. */
const SILENCE_PROMPTS = 2;
/** Longest telephone call, minutes. */
const MAX_MINUTES = 60;

const destination = z.strictObject({
  name: z
    .string()
    .trim()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} .'-]{0,59}$/u, 'is not a name as one says it')
    .describe('What the agent calls it, aloud and when it asks for the transfer.'),
  number: z
    .string()
    .regex(DESTINATION, 'is neither a number like +34911234567 nor an address like sip:200@pbx'),
});

/** What the agent may do with the telephone of the person; no other channel has these tools. */
export const phoneTools = {
  hang_up: z.strictObject({ allowed: z.boolean() }).optional(),
  send_dtmf: z.strictObject({ allowed: z.boolean() }).optional(),
  transfer: z
    .strictObject({
      allowed: z.boolean(),
      to: z
        .array(destination)
        .min(1)
        .max(50)
        .refine(
          (all) => new Set(all.map(({ name }) => name.toLowerCase())).size === all.length,
          'names somebody twice',
        ),
      mode: z
        .enum(['refer', 'leg'])
        .default('refer')
        .describe(
          'How a SIP call is given away: by REFER, and by a second leg where that is refused; or by a second leg at once.',
        ),
      ring_s: z.int().min(5).max(80).default(30).describe('How long it rings there, s.'),
    })
    .optional(),
};

/** How telephone calls of a profile go. */
export const phoneSettings = {
  silence: z
    .strictObject({
      after_s: z
        .int()
        .min(3)
        .max(600)
        .default(SILENCE_S)
        .describe('Silence of the person after which the agent asks, s.'),
      prompts: z
        .int()
        .min(0)
        .max(10)
        .default(SILENCE_PROMPTS)
        .describe('How often it asks before it hangs up.'),
    })
    .optional()
    .describe('What a telephone call does when the person is silent.'),
  max_minutes: z
    .number()
    .min(0.5)
    .max(1_440)
    .optional()
    .describe(`Longest telephone call; ${MAX_MINUTES} unless given.`),
  digits: z
    .strictObject({
      max: z
        .int()
        .min(1)
        .max(64)
        .default(32)
        .describe('Most keys of one entry; 1 for menus of a single key.'),
      timeout_ms: z
        .int()
        .min(300)
        .max(30_000)
        .default(2_500)
        .describe('Pause after a key that ends the entry, ms.'),
      end: z
        .string()
        .regex(/^[0-9*#]?$/, 'is not one key')
        .default('#')
        .describe('Key that ends the entry; empty for none.'),
    })
    .optional()
    .describe('How keys that the person presses become one entry.'),
  voicemail: z
    .strictObject({
      detect: z.boolean().default(true),
      message: z
        .string()
        .trim()
        .min(1)
        .max(1_000)
        .optional()
        .describe('Left on it; without, the agent hangs up.'),
    })
    .optional()
    .describe('What a call that we placed does when an answering machine takes it.'),
};

const settings = z.object(phoneSettings);
type PhoneSettings = z.output<typeof settings>;

/** Those settings, with what holds where a profile says nothing. */
export function phoneSettingsOf({ silence, max_minutes, digits, voicemail }: PhoneSettings) {
  return {
    silence: silence ?? { after_s: SILENCE_S, prompts: SILENCE_PROMPTS },
    maxMinutes: max_minutes ?? MAX_MINUTES,
    digits: digits ?? phoneSettings.digits.unwrap().parse({}),
    voicemail: voicemail ?? { detect: true },
  };
}
