import { isDeepStrictEqual } from 'node:util';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import { isOpen, personsNumber } from '../../sessions/session.ts';
import type { HttpContext } from '../context.ts';
import { dataToolsEtag } from '../etag.ts';
import { withAnswer } from '../hook-data.ts';
import { dataToolsSchema, idSchema, LIVEKIT_PROBLEMS, STORE_PROBLEMS } from '../schemas.ts';

const paramsSchema = z.object({ id: idSchema });

/** `POST /session/{id}/data-tools/refresh`: what the integrator's hook knows of the user now. */
export const dataToolsRefreshRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (
  app,
  { context },
) => {
  const { conversations, hook, sessions } = context;
  app.route({
    method: 'POST',
    url: '/session/:id/data-tools/refresh',
    schema: {
      tags: ['data tools'],
      summary: 'Ask the hook again for the data tools of a session',
      description:
        'Each top-level key of its answer takes the place of the session’s. The answer has all data tools, as they are now.',
      problems: [
        'CHARLA_SESSION_NOT_FOUND',
        'CHARLA_SESSION_ENDED',
        'CHARLA_DATA_TOOLS_HOOK_MISSING',
        'CHARLA_DATA_TOOLS_HOOK_FAILED',
        'CHARLA_DATA_TOOLS_INVALID',
        'CHARLA_DATA_TOOLS_TOO_LARGE',
        ...LIVEKIT_PROBLEMS,
        ...STORE_PROBLEMS,
      ],
      params: paramsSchema,
      response: { 200: dataToolsSchema },
      responseHeaders: { 200: { ETag: 'Of this revision, for If-Match.' } },
    },
    handler: async ({ params: { id } }, reply) => {
      if (hook === undefined) throw new CharlaError('CHARLA_DATA_TOOLS_HOOK_MISSING');
      const session = await sessions.get(id);
      if (session === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      if (!isOpen(session)) throw new CharlaError('CHARLA_SESSION_ENDED', { id });
      const answer = await hook.refresh({ ...session, phone: personsNumber(session.phone) });
      const isNews = !isDeepStrictEqual(withAnswer(session.dataTools, answer), session.dataTools);
      const { revision, dataTools } = isNews
        ? await conversations.changeDataTools(id, (current) => withAnswer(current, answer), undefined, 'hook')
        : session;
      return reply.header('etag', dataToolsEtag(revision, 'server')).send(dataTools);
    },
  });
};
