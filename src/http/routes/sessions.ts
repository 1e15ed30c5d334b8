import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import { parseDataTools } from '../../sessions/data-tools.ts';
import { SESSION_STATUSES, type Session, type SessionSummary } from '../../sessions/session.ts';
import type { HttpContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageFrom, pageOf, pageQuery } from '../paging.ts';
import {
  dataToolsSchema,
  EXAMPLE_ROOM,
  EXAMPLE_SESSION,
  idSchema,
  joinSchema,
  LIVEKIT_PROBLEMS,
  languageSchema,
  phoneNumberSchema,
  phoneQuery,
  phoneSchema,
  profileSchema,
  STORE_PROBLEMS,
  timeSchema,
  userIdSchema,
} from '../schemas.ts';
import { callSummary, callSummarySchema } from './calls.ts';
import { joinDetails } from './join-details.ts';

const startSchema = z
  .object({
    user_id: userIdSchema,
    // Checked by parseDataTools, which knows the limits and names the key.
    data_tools: dataToolsSchema.optional(),
    profile: profileSchema.optional(),
    language: languageSchema.optional(),
    phone: phoneNumberSchema
      .optional()
      .describe('Of the person, for the hook; whoever comes by telephone has it already. For servers.'),
  })
  .meta({
    id: 'StartSession',
    examples: [
      { user_id: 'ana', data_tools: { user_context: { name: 'Ana', tickets: ['#1234', '#5678'] } } },
    ],
  });

const exampleSession = {
  ...EXAMPLE_SESSION,
  room: EXAMPLE_ROOM,
  status: 'active' as const,
  revision: 1,
  created_at: '2026-01-01T12:00:00.000Z',
  last_active_at: '2026-01-01T12:01:00.000Z',
  expires_at: '2026-01-02T00:00:00.000Z',
  ended_at: null,
};
const sessionSummarySchema = z
  .object({
    session_id: z.string(),
    user_id: z.string(),
    room: z.string(),
    profile: z.string(),
    channel: z.string(),
    language: languageSchema,
    phone: phoneSchema.nullable().describe('Null unless it is a telephone call.'),
    status: z
      .enum(SESSION_STATUSES)
      .describe(
        '`created`: nobody has talked yet. `active`: a call runs. `ended`: it is over. `expired`: a time limit ended it.',
      ),
    revision: z.int().describe('Of its data tools; grows by one with each change.'),
    created_at: z.iso.datetime(),
    last_active_at: z.iso
      .datetime()
      .describe('When it was last asked for, changed, or talked in; within a minute.'),
    expires_at: z.iso.datetime().describe('When it expires, whatever happens in it.'),
    ended_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'SessionSummary', examples: [exampleSession] });
const sessionSchema = sessionSummarySchema
  .extend({
    data_tools: dataToolsSchema,
    calls: z.array(callSummarySchema).describe('Newest first, the last 50; GET /calls has all.'),
  })
  .meta({
    id: 'Session',
    examples: [
      { ...exampleSession, data_tools: { user_context: { name: 'Ana', tickets: ['#1234'] } }, calls: [] },
    ],
  });
const listQuery = z.object({
  status: z.enum(SESSION_STATUSES).optional(),
  user_id: userIdSchema.optional(),
  profile: profileSchema.optional(),
  channel: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .optional(),
  phone: phoneQuery,
  since: timeSchema.optional().describe('Created then or later.'),
  until: timeSchema.optional().describe('Created before.'),
  ...pageQuery,
});
const paramsSchema = z.object({ id: idSchema });
/** Calls that a session shows of itself. */
const SHOWN_CALLS = 50;

/** Conversations: start them, see them, end them, forget them. */
export const sessionRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { config, access, calls, conversations, sessions } = context;

  const answer = async (session: Session): Promise<z.output<typeof sessionSchema>> => {
    const held = await calls.list({ sessionId: session.id }, SHOWN_CALLS);
    return { ...summary(session), data_tools: session.dataTools, calls: held.map(callSummary) };
  };

  app.route({
    method: 'POST',
    url: '/session/start',
    schema: {
      tags: ['sessions'],
      summary: 'Start a conversation',
      description:
        'When the answer comes, the room is open and the agent has been asked for: join it with any LiveKit client.',
      problems: [
        'CHARLA_DATA_TOOLS_INVALID',
        'CHARLA_DATA_TOOLS_TOO_LARGE',
        ...LIVEKIT_PROBLEMS,
        ...STORE_PROBLEMS,
      ],
      body: startSchema,
      response: { 201: joinSchema },
    },
    handler: async (request, reply) => {
      const { body } = request;
      const session = await conversations.start({
        userId: body.user_id,
        ...(body.data_tools !== undefined && {
          dataTools: parseDataTools(body.data_tools, '/data_tools'),
        }),
        isOwn: (await access.callerOf(request)).kind === 'user',
        ...(body.profile !== undefined && { profile: body.profile }),
        ...(body.language !== undefined && { language: body.language }),
        ...(body.phone !== undefined && {
          phone: { direction: 'inbound' as const, caller: body.phone, called: null },
        }),
      });
      return reply.code(201).send(await joinDetails(config, session, session.userId));
    },
  });

  app.route({
    method: 'GET',
    url: '/sessions',
    schema: {
      tags: ['sessions'],
      summary: 'List sessions, newest first',
      problems: STORE_PROBLEMS,
      querystring: listQuery,
      response: { 200: pageOf(sessionSummarySchema) },
    },
    handler: async ({ query }) => {
      const { limit, cursor, status, user_id, profile, channel, phone, since, until } = query;
      const after = cursor === undefined ? undefined : decodeCursor(cursor);
      const found = await sessions.list({
        // One more tells whether there is a next page.
        limit: limit + 1,
        after: after && { createdAt: after.at, id: after.id },
        status,
        userId: user_id,
        profile,
        channel,
        phone,
        since,
        until,
      });
      return pageFrom(found, limit, summary, ({ createdAt, id }) => encodeCursor({ at: createdAt, id }));
    },
  });

  app.route({
    method: 'GET',
    url: '/sessions/:id',
    schema: {
      tags: ['sessions'],
      summary: 'Read a session: its data tools and its calls',
      problems: ['CHARLA_SESSION_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 200: sessionSchema },
    },
    handler: async ({ params: { id } }) => {
      const session = await sessions.get(id);
      if (session === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      return answer(session);
    },
  });

  app.route({
    method: 'POST',
    url: '/sessions/:id/end',
    schema: {
      tags: ['sessions'],
      summary: 'End a session',
      description:
        'Its room closes, and whoever is in it hangs up; nothing can join or change it any more. One that is over already stays as it is.',
      problems: ['CHARLA_SESSION_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 200: sessionSchema },
    },
    handler: async ({ params: { id } }) => answer(await conversations.end(id)),
  });

  app.route({
    method: 'DELETE',
    url: '/sessions/:id',
    schema: {
      tags: ['sessions'],
      summary: 'Forget a session',
      description:
        'Deletes it at once and for good, with its data tools, calls, transcripts and recordings. Its room closes.',
      problems: ['CHARLA_SESSION_NOT_FOUND', 'CHARLA_RECORDING_KEPT', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 204: z.undefined().describe('It is gone.') },
    },
    handler: async ({ params: { id } }, reply) => {
      await conversations.delete(id);
      return reply.code(204).send();
    },
  });
};

function summary(session: SessionSummary): z.output<typeof sessionSummarySchema> {
  return {
    session_id: session.id,
    user_id: session.userId,
    room: session.room,
    profile: session.profile,
    channel: session.channel,
    language: session.language,
    phone: session.phone,
    status: session.status,
    revision: session.revision,
    created_at: session.createdAt.toISOString(),
    last_active_at: session.lastActiveAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    ended_at: session.endedAt?.toISOString() ?? null,
  };
}
