import { z } from 'zod';
import { TELEPHONE_KEYS } from '../telephone-keys.ts';

/**
 * What an agent and a carrier's gateway say to each other in a room, beside the sound. The person of a gateway's call is
 * the participant {@link PHONE_IDENTITY}.
 */
export const PHONE_IDENTITY = 'phone';

/** Name of the track that the agent speaks on; what else it publishes is not cut off when the person speaks. */
export const VOICE_TRACK = 'voice';

/** RPC methods of the person's participant; both answer `{}`. */
export const SEND_DIGITS_METHOD = 'charla.send_digits';
export const TRANSFER_METHOD = 'charla.transfer';

export const sendDigitsSchema = z.object({ digits: z.string().max(64).regex(TELEPHONE_KEYS) });
/** `ring_s`: how long it rings there, where the carrier lets us choose. */
export const transferSchema = z.object({
  to: z.string().min(1).max(128),
  ring_s: z.int().min(5).max(80).default(30),
});

/** Topic on which the agent tells the gateway whether its voice flows. */
export const VOICE_TOPIC = 'charla.voice';
/** False: it stopped in the middle, and what the person has not heard yet is not to be heard. */
export const voiceMessageSchema = z.object({ flows: z.boolean() });
export type VoiceMessage = z.output<typeof voiceMessageSchema>;

/** A carrier that holds more than this back is not believed. */
export const MAX_UNHEARD_MS = 3_000;

/** Topic on which the gateway tells the agent how much of what it got the person has not heard yet. */
export const LINE_TOPIC = 'charla.line';
export const lineMessageSchema = z.object({ unheard_ms: z.number().min(0).max(MAX_UNHEARD_MS) });
export type LineMessage = z.output<typeof lineMessageSchema>;
