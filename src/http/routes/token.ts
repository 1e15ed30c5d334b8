import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { HttpContext } from '../context.ts';
import { joinSchema, LIVEKIT_PROBLEMS, roomSchema, STORE_PROBLEMS, userIdSchema } from '../schemas.ts';
import { joinDetails } from './join-details.ts';

const tokenSchema = z
  .object({
    identity: userIdSchema.optional(),
    user_id: userIdSchema.optional(),
    room: roomSchema.optional(),
  })
  .refine(({ identity, user_id }) => (identity ?? user_id) !== undefined, {
    path: ['identity'],
    error: 'is missing (user_id is taken too)',
  })
  .meta({ examples: [{ identity: 'ana' }] });

/** `POST /token`, for clients older than `/session/start`: a token for a room that others may be in too, where it is named. */
export const tokenRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { config, conversations } = context;
  app.route({
    method: 'POST',
    url: '/token',
    schema: {
      summary: 'A token only, for older clients',
      description:
        'Opens the room if it is not there; who names the same room joins the same conversation. Without `room` it is LIVEKIT_ROOM, or one of that identity alone.',
      tags: ['sessions'],
      body: tokenSchema,
      response: { 200: joinSchema },
      problems: [...LIVEKIT_PROBLEMS, ...STORE_PROBLEMS],
    },
    handler: async ({ body }, reply) => {
      const identity = body.identity ?? body.user_id ?? '';
      const session =
        body.room === undefined
          ? await conversations.joinDefault({ userId: identity })
          : await conversations.join({ userId: identity, room: body.room });
      return reply.send(await joinDetails(config, session, identity));
    },
  });
};
