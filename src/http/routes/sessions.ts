import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import { PRIVATE_KEY } from '../../rooms/metadata.ts';
import { type DataTools, mergeDataTools, parseDataTools } from '../../sessions/data-tools.ts';
import type { SessionRole } from '../access.ts';
import type { HttpContext } from '../context.ts';
import { callSchema, languageSchema, profileSchema, userIdSchema } from '../schemas.ts';
import { callAnswer } from './call-answer.ts';

const startSchema = z.object({
  user_id: userIdSchema,
  // Checked by parseDataTools, which knows the limits and names the key.
  data_tools: z.unknown().optional(),
  profile: profileSchema.optional(),
  language: languageSchema.optional(),
});
const paramsSchema = z.object({ id: z.string().min(1).max(128) });
const path = '/session/:id/data-tools';

/** Sessions and their data tools. */
export const sessionRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { config, access, conversations, sessions } = context;

  app.route({
    method: 'POST',
    url: '/session/start',
    schema: { body: startSchema, response: { 201: callSchema } },
    onRequest: access.requireServer,
    handler: async ({ body }, reply) => {
      const dataTools = body.data_tools === undefined ? {} : parseDataTools(body.data_tools, '/data_tools');
      const session = await conversations.start({
        userId: body.user_id,
        dataTools,
        ...(body.profile !== undefined && { profile: body.profile }),
        ...(body.language !== undefined && { language: body.language }),
      });
      return reply.code(201).send(await callAnswer(config, session, session.userId));
    },
  });

  app.route({
    method: 'GET',
    url: path,
    schema: { params: paramsSchema },
    handler: async (request, reply) => {
      const session = await sessions.get(request.params.id);
      const role = await access.requireSession(request, session);
      if (session === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id: request.params.id });
      return reply.send(visible(session.dataTools, role));
    },
  });

  app.route({
    method: ['PUT', 'PATCH'],
    url: path,
    schema: { params: paramsSchema },
    handler: async (request, reply) => {
      const { id } = request.params;
      const role = await access.requireSession(request, await sessions.get(id));
      const change = (current: DataTools) => {
        const next =
          request.method === 'PUT' ? parseDataTools(request.body) : mergeDataTools(current, request.body);
        return role === 'server' ? next : withPrivateOf(current, next, request.body);
      };
      const { dataTools } = await conversations.changeDataTools(id, change);
      return reply.send(visible(dataTools, role));
    },
  });
};

/** What the person in the call may see. */
function visible(dataTools: DataTools, role: SessionRole): DataTools {
  const { [PRIVATE_KEY]: _hidden, ...shown } = dataTools;
  return role === 'server' ? dataTools : shown;
}

/** What the person in the call may change: everything but what they cannot see. */
function withPrivateOf(current: DataTools, next: DataTools, sent: unknown): DataTools {
  if (typeof sent === 'object' && sent !== null && Object.hasOwn(sent, PRIVATE_KEY)) {
    throw new CharlaError('CHARLA_DATA_TOOLS_INVALID', {
      path: `/${PRIVATE_KEY}`,
      reason: 'only servers may set it',
    });
  }
  const hidden = current[PRIVATE_KEY];
  return hidden === undefined ? next : parseDataTools({ ...next, [PRIVATE_KEY]: hidden });
}
