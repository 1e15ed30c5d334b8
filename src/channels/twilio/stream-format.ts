import { z } from 'zod';
import type { StreamFormat, StreamMessage } from '../media-stream.ts';

/** Numbers come as text. */
const count = z.coerce.number().int().min(0);
const label = z.string().max(256);

const messageSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('connected') }),
  z.object({
    event: z.literal('start'),
    start: z.object({
      streamSid: label,
      callSid: label,
      mediaFormat: z.object({ encoding: label, sampleRate: z.number(), channels: z.number() }),
      customParameters: z.object({ token: z.string().max(1_000).optional() }).optional(),
    }),
  }),
  z.object({
    event: z.literal('media'),
    media: z.object({ track: label.optional(), chunk: count, payload: z.base64() }),
  }),
  z.object({ event: z.literal('dtmf'), dtmf: z.object({ digit: label }) }),
  z.object({ event: z.literal('mark'), mark: z.object({ name: label }) }),
  z.object({ event: z.literal('stop') }),
]);
const EVENTS = new Set(['connected', 'start', 'media', 'dtmf', 'mark', 'stop']);

/**
 * The messages of Twilio's bidirectional media streams.
 *
 * @see https://www.twilio.com/docs/voice/media-streams/websocket-messages
 */
export const twilioFormat: StreamFormat = {
  channel: 'twilio',
  mulaw: 'audio/x-mulaw',
  read(message) {
    const { data } = messageSchema.safeParse(message);
    if (data !== undefined) return meaningOf(data);
    const event = z.object({ event: z.string() }).safeParse(message).data?.event;
    // Of a later version of the protocol.
    return event === undefined || EVENTS.has(event) ? undefined : { kind: 'other' };
  },
  media: (streamSid, payload) => ({ event: 'media', streamSid, media: { payload } }),
  mark: (streamSid, name) => ({ event: 'mark', streamSid, mark: { name } }),
  clear: (streamSid) => ({ event: 'clear', streamSid }),
};

function meaningOf(message: z.output<typeof messageSchema>): StreamMessage {
  switch (message.event) {
    case 'connected':
      return { kind: 'other' };
    case 'stop':
      return { kind: 'stop' };
    case 'start': {
      const { streamSid, callSid, mediaFormat, customParameters } = message.start;
      return {
        kind: 'start',
        streamId: streamSid,
        callId: callSid,
        token: customParameters?.token,
        ...mediaFormat,
      };
    }
    case 'media': {
      const { track, chunk, payload } = message.media;
      return track === 'outbound' ? { kind: 'other' } : { kind: 'media', chunk, payload };
    }
    case 'dtmf':
      return { kind: 'digit', digit: message.dtmf.digit };
    case 'mark':
      return { kind: 'mark', name: message.mark.name };
  }
}
