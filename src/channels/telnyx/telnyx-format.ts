import { z } from 'zod';
import type { StreamFormat } from '../media-stream.ts';

/** Telnyx writes its counters as texts. */
const counter = z.coerce.number().int().min(0);

const messageSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('connected') }),
  z.object({
    event: z.literal('start'),
    stream_id: z.string().max(256),
    start: z.object({
      call_control_id: z.string().max(256),
      media_format: z.object({ encoding: z.string(), sample_rate: z.number(), channels: z.number() }),
    }),
  }),
  z.object({
    event: z.literal('media'),
    media: z.object({ track: z.string().optional(), chunk: counter, payload: z.base64() }),
  }),
  z.object({ event: z.literal('dtmf'), dtmf: z.object({ digit: z.string() }) }),
  z.object({ event: z.literal('mark'), mark: z.object({ name: z.string() }) }),
  z.object({ event: z.literal('stop') }),
  z.object({
    event: z.literal('error'),
    payload: z.object({ code: z.union([z.number(), z.string()]), title: z.string().optional() }),
  }),
]);
const otherSchema = z.object({ event: z.string() });

/**
 * The messages of Telnyx's media WebSocket, as «Stream call media over WebSocket» of its API reference has them. Events that
 * are not in it are passed over: it gets new ones.
 */
export const telnyxFormat: StreamFormat = {
  channel: 'telnyx',
  mulaw: 'PCMU',
  read(given) {
    const message = messageSchema.safeParse(given).data;
    if (message === undefined) return isNewEvent(given) ? { kind: 'other' } : undefined;
    switch (message.event) {
      case 'connected':
        return { kind: 'other' };
      case 'start': {
        const { call_control_id: callId, media_format: format } = message.start;
        const { encoding, sample_rate: sampleRate, channels } = format;
        return { kind: 'start', streamId: message.stream_id, callId, encoding, sampleRate, channels };
      }
      case 'media': {
        const { track = 'inbound', chunk, payload } = message.media;
        return track === 'inbound' ? { kind: 'media', chunk, payload } : { kind: 'other' };
      }
      case 'dtmf':
        return { kind: 'digit', digit: message.dtmf.digit };
      case 'mark':
        return { kind: 'mark', name: message.mark.name };
      case 'stop':
        return { kind: 'stop' };
      case 'error':
        return { kind: 'error', reason: [message.payload.code, message.payload.title].join(' ').trim() };
    }
  },
  media: (_stream, payload) => ({ event: 'media', media: { payload } }),
  mark: (_stream, name) => ({ event: 'mark', mark: { name } }),
  clear: () => ({ event: 'clear' }),
};

const KNOWN: readonly string[] = messageSchema.options.flatMap(({ shape }) => [...shape.event.values]);

function isNewEvent(given: unknown): boolean {
  const event = otherSchema.safeParse(given).data?.event;
  return event !== undefined && !KNOWN.includes(event);
}
