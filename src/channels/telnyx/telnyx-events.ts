import { z } from 'zod';

const id = z.string().min(1).max(256);
const number = z.string().max(256);
/** What every event of a call has. `client_state` is what a command of ours gave, in base64. */
const common = { call_control_id: id, client_state: z.string().nullish() };

const call = z.object(common);

/** The events that something is done about; `call.answered` and `streaming.started` only say that all is well. */
const eventSchema = z.discriminatedUnion('event_type', [
  z.object({
    event_type: z.literal('call.initiated'),
    payload: z.object({
      ...common,
      direction: z.enum(['incoming', 'outgoing']),
      from: number.nullish(),
      to: number.nullish(),
    }),
  }),
  z.object({ event_type: z.enum(['call.answered', 'streaming.started']), payload: call }),
  z.object({ event_type: z.enum(['streaming.stopped', 'streaming.failed']), payload: call }),
  z.object({ event_type: z.enum(['call.bridged', 'call.speak.ended']), payload: call }),
  z.object({
    event_type: z.literal('call.hangup'),
    payload: z.object({ ...common, hangup_cause: z.string().nullish() }),
  }),
  z.object({
    event_type: z.literal('call.dtmf.received'),
    payload: z.object({ ...common, digit: z.string() }),
  }),
]);

/** A webhook of Telnyx's Call Control, as far as every event has it. */
export const telnyxWebhookSchema = z.object({
  data: z.object({ id, event_type: z.string(), payload: z.record(z.string(), z.unknown()).optional() }),
});

export type TelnyxEvent = z.output<typeof eventSchema>;
export type TelnyxWebhook = z.output<typeof telnyxWebhookSchema>;

/** The event of a webhook; undefined where there is nothing to do about it, or it is not as documented. */
export function telnyxEvent(data: TelnyxWebhook['data']): TelnyxEvent | undefined {
  return eventSchema.safeParse(data).data;
}
