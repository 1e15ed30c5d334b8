import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Call, CallHistory, Turn } from '../../calls/call.ts';
import { DIAL_STATES } from '../../calls/dial.ts';
import type { Recording } from '../../calls/recording-store.ts';
import { CharlaError } from '../../errors.ts';
import {
  callEventsSchema,
  FINAL_OUTCOMES,
  modelUsageSchema,
  turnSchema,
} from '../../telemetry/call-event.ts';
import type { HttpContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageFrom, pageOf, pageQuery } from '../paging.ts';
import {
  EXAMPLE_SESSION,
  idSchema,
  languageSchema,
  phoneQuery,
  phoneSchema,
  STORE_PROBLEMS,
  timeSchema,
  userIdSchema,
} from '../schemas.ts';
import { EXAMPLE_RECORDING, recordingAnswer, recordingSchema } from './recordings.ts';

const paramsSchema = z.object({ id: idSchema });

const exampleCall = {
  id: '9f2d6b1c-0c64-4f0e-8a51-6f0f6a4d2b7e',
  ...EXAMPLE_SESSION,
  started_at: '2026-01-01T12:00:02.000Z',
  ended_at: '2026-01-01T12:03:20.000Z',
  outcome: 'participant_disconnected',
  dial: null,
};

const dialSchema = z
  .object({
    state: z
      .enum(DIAL_STATES)
      .describe(
        '`ringing` until one of the others is known. `busy`, `no_answer`. `failed`: refused, or not to be had. `canceled`: its session was ended before somebody answered.',
      ),
    to: z.string(),
    caller_id: z.string().nullable().describe('What they see; null for a call without a trunk.'),
    trunk: z.string(),
    sip_status: z
      .int()
      .nullable()
      .describe('Of the SIP response that ended the ringing, as far as one came.'),
    sip_reason: z.string().nullable(),
    answered_at: z.iso.datetime().nullable(),
  })
  .meta({
    id: 'Dial',
    description: 'Of a call that we placed: whom it rings, and how far it came.',
    examples: [
      {
        state: 'answered',
        to: '+34600111222',
        caller_id: '+34911234567',
        trunk: 'ST_5xJ4uB2cVn7Q',
        sip_status: 200,
        sip_reason: 'OK',
        answered_at: '2026-01-01T12:00:09.000Z',
      },
    ],
  });

export const callSummarySchema = z
  .object({
    id: z.string(),
    session_id: z.string(),
    user_id: z.string(),
    profile: z.string(),
    channel: z.string(),
    language: languageSchema,
    phone: phoneSchema.nullable().describe('Null unless it is a telephone call.'),
    started_at: z.iso.datetime(),
    ended_at: z.iso.datetime().nullable(),
    outcome: z
      .string()
      .nullable()
      .describe(
        'Why it ended; null while it runs. `lost`: nobody said, and its room is gone. Of a call that nobody answered, the state of `dial`.',
      ),
    dial: dialSchema.nullable().describe('Null unless we placed the call.'),
  })
  .meta({ id: 'CallSummary', examples: [exampleCall] });

const historySchema = callSummarySchema
  .extend({
    turns: z.array(
      z.object({
        number: z.int().describe('Place in the call, from 1.'),
        at: z.iso.datetime().describe('When it began.'),
        ...turnSchema.shape,
        interrupted_at_ms: z
          .int()
          .nullable()
          .describe('Sound of the turn that had been heard when it was interrupted.'),
      }),
    ),
    usage: z.array(modelUsageSchema).describe('What the call took of each model; empty until it has ended.'),
    recordings: z
      .array(recordingSchema)
      .describe('Where the profile has calls recorded: there a few seconds after the call.'),
  })
  .meta({
    id: 'CallHistory',
    examples: [
      {
        ...exampleCall,
        turns: [
          {
            number: 1,
            at: '2026-01-01T12:00:05.000Z',
            role: 'user',
            text: '¿Qué tengo en el carrito?',
            interrupted: false,
            interrupted_at_ms: null,
            latencies: { stt_ms: 180, end_of_turn_ms: 420 },
            tools: [],
          },
        ],
        usage: [
          {
            kind: 'llm',
            model: 'gpt-4o-mini',
            requests: 1,
            input_tokens: 412,
            output_tokens: 18,
            characters: 0,
            audio_ms: 0,
          },
        ],
        recordings: [EXAMPLE_RECORDING],
      },
    ],
  });

const takenSchema = z
  .object({ last_event: z.int().describe('The last one that is kept.') })
  .meta({ id: 'TakenEvents', examples: [{ last_event: 2 }] });

const listQuery = z.object({
  session_id: idSchema.optional(),
  user_id: userIdSchema.optional(),
  since: timeSchema.optional().describe('Begun then or later.'),
  until: timeSchema.optional().describe('Begun before.'),
  outcome: z
    .string()
    .regex(/^\w{1,64}$/)
    .optional(),
  phone: phoneQuery,
  direction: z.enum(['inbound', 'outbound']).optional().describe('Of telephone calls.'),
  state: z.enum(DIAL_STATES).optional().describe('Of calls that we placed.'),
  ...pageQuery,
});

/** The history of calls. */
export const callRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { calls, recordings, sessions, conversations } = context;

  app.route({
    method: 'POST',
    url: '/calls/:id/events',
    schema: {
      tags: ['calls'],
      summary: 'Tell what happened in a call',
      description:
        'For agents in calls. Events are taken all or none, and each once, however often it is sent; 409 names the ' +
        'event that is missing before them.',
      problems: [
        'CHARLA_CALL_NOT_FOUND',
        'CHARLA_CALL_EVENTS_MISSING',
        'CHARLA_SESSION_NOT_FOUND',
        ...STORE_PROBLEMS,
      ],
      params: paramsSchema,
      body: callEventsSchema,
      response: { 200: takenSchema },
    },
    handler: async (request) => {
      const { events } = request.body;
      const taken = await calls.take(request.params.id, events);
      const { sessionId, lastEvent, outcome, running } = taken;
      if (taken.placedBegan) void conversations.placedCallBegan(sessionId);
      // Done again when the same events come again: a server may have ended between the two.
      if (!running && FINAL_OUTCOMES.has(outcome ?? '')) await sessions.end(sessionId);
      else if (events.some(({ type }) => type === 'call.started')) await sessions.activate(sessionId);
      else await sessions.touch(sessionId);
      return { last_event: lastEvent };
    },
  });

  app.route({
    method: 'GET',
    url: '/calls',
    schema: {
      tags: ['calls'],
      summary: 'List calls, newest first',
      problems: STORE_PROBLEMS,
      querystring: listQuery,
      response: { 200: pageOf(callSummarySchema) },
    },
    handler: async ({ query }) => {
      const { limit, cursor, session_id, user_id, since, until, outcome, phone, direction, state } = query;
      const after = cursor === undefined ? undefined : decodeCursor(cursor);
      // One more than asked for tells whether there is a next page.
      const found = await calls.list(
        { sessionId: session_id, userId: user_id, since, until, outcome, phone, direction, dialState: state },
        limit + 1,
        after && { startedAt: after.at, id: after.id },
      );
      return pageFrom(found, limit, callSummary, ({ startedAt, id }) => encodeCursor({ at: startedAt, id }));
    },
  });

  app.route({
    method: 'GET',
    url: '/calls/:id',
    schema: {
      tags: ['calls'],
      summary: 'Read a call: its turns, and what it took of each model',
      problems: ['CHARLA_CALL_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 200: historySchema },
    },
    handler: async ({ params }) => {
      const call = await calls.get(params.id);
      if (call === undefined) throw new CharlaError('CHARLA_CALL_NOT_FOUND', { id: params.id });
      return callHistory(call, await recordings.list(call.id));
    },
  });
};

/** A call as the HTTP API shows it. */
export function callSummary(call: Call): z.output<typeof callSummarySchema> {
  const { dial } = call;
  return {
    id: call.id,
    session_id: call.sessionId,
    user_id: call.userId,
    profile: call.profile,
    channel: call.channel,
    language: call.language,
    phone: call.phone,
    started_at: call.startedAt.toISOString(),
    ended_at: call.endedAt?.toISOString() ?? null,
    outcome: call.outcome,
    dial: dial && {
      state: dial.state,
      to: dial.to,
      caller_id: dial.callerId,
      trunk: dial.trunk,
      sip_status: dial.sipStatus,
      sip_reason: dial.sipReason,
      answered_at: dial.answeredAt?.toISOString() ?? null,
    },
  };
}

/** A call with all that was said, as the HTTP API shows it. */
export function callHistory(
  call: CallHistory,
  recordings: readonly Recording[] = [],
): z.output<typeof historySchema> {
  return {
    ...callSummary(call),
    turns: call.turns.map(turnAnswer),
    usage: [...call.usage],
    recordings: recordings.map(recordingAnswer),
  };
}

function turnAnswer({ at, interruptedAtMs, tools, ...turn }: Turn) {
  return { ...turn, at: at.toISOString(), interrupted_at_ms: interruptedAtMs, tools: [...tools] };
}
