import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import type { DataTools } from '../../sessions/data-tools.ts';
import { plainText } from '../../sessions/plain-text.ts';
import { dataToolsSchema, userIdSchema } from '../schemas.ts';

/** Stands for the integrator's own database. */
const EXAMPLE_USERS: Readonly<Record<string, DataTools>> = {
  juan: {
    user_context: { name: 'Juan Pérez', role: 'Desarrollador', preferences: ['Python', 'Automatización'] },
  },
  ana: {
    user_context: { name: 'Ana', role: 'Soporte', tickets: ['#1234', '#5678'] },
    app_data: { version: '1.5.2', issues: ['login', 'payment'] },
  },
  carlos: {
    user_context: { name: 'Carlos', cart: ['laptop', 'mouse'] },
    cart_data: { items: 2, total: 1200 },
  },
};

const userDataSchema = z
  .object({ user_id: z.string(), data_tools: dataToolsSchema })
  .meta({ id: 'UserData', examples: [{ user_id: 'ana', data_tools: EXAMPLE_USERS.ana }] });

/**
 * `POST /get-user-data`: the example hook where an integrator looks the user up and makes the data tools of
 * `POST /session/start` out of what is found. Replace what stands behind it by your own system.
 */
export const userDataRoutes: FastifyPluginAsyncZod = async (app) => {
  app.route({
    method: 'POST',
    url: '/get-user-data',
    schema: {
      summary: 'Look a user up: the example hook',
      description: 'Stands for your own database. What it answers goes into POST /session/start as it is.',
      tags: ['page'],
      body: z.object({ user_id: userIdSchema }).meta({ examples: [{ user_id: 'ana' }] }),
      response: { 200: userDataSchema },
      problems: ['CHARLA_USER_NOT_FOUND'],
    },
    handler: async ({ body: { user_id } }, reply) => {
      const found = Object.entries(EXAMPLE_USERS).find(([id, { user_context }]) => {
        const wanted = user_id.toLocaleLowerCase();
        return wanted === id || isNamed(user_context, wanted);
      });
      if (found === undefined) {
        const known = Object.keys(EXAMPLE_USERS).join(', ');
        throw new CharlaError('CHARLA_USER_NOT_FOUND', { id: plainText(user_id, 60), known });
      }
      return reply.send({ user_id, data_tools: found[1] });
    },
  });
};

function isNamed(userContext: DataTools[string] | undefined, wanted: string): boolean {
  const name = z.object({ name: z.string() }).safeParse(userContext).data?.name;
  return name?.toLocaleLowerCase() === wanted;
}
