import formbody from '@fastify/formbody';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ANNOUNCED_SECONDS, type AnnouncedCalls } from '../../channels/audiosocket/announced-calls.ts';
import { parseDataTools } from '../../sessions/data-tools.ts';
import { shownNumber } from '../../sessions/phone-number.ts';
import { dataToolsSchema, profileSchema } from '../schemas.ts';

const paramsSchema = z.object({ id: z.uuid().describe('The UUID of the dialplan’s `AudioSocket()`.') });

/** Whatever a switchboard has there: a number, an extension, «anonymous», nothing. */
const number = z.string().max(128).nullish();

const announcementSchema = z
  .object({
    caller: number.describe('What is no number counts as withheld.'),
    called: number,
    profile: profileSchema.optional().describe('That of the called number unless given.'),
    data_tools: dataToolsSchema.optional(),
  })
  .meta({ id: 'AnnouncedCall', examples: [{ caller: '+34600111222', called: '+34911234567' }] });

const answerSchema = z.object({ id: z.string(), expires_in_seconds: z.int() }).meta({
  id: 'CallAnnouncement',
  examples: [{ id: '40325ec2-5efd-4bd3-805f-53576e581d13', expires_in_seconds: ANNOUNCED_SECONDS }],
});

/** `POST /calls/audiosocket/{uuid}`: what a switchboard knows of a call that it is about to connect. */
export const audioSocketCallRoutes: FastifyPluginAsyncZod<{ announced: AnnouncedCalls }> = async (
  app,
  { announced },
) => {
  // What a dialplan's CURL() sends.
  await app.register(formbody);
  app.route({
    method: 'POST',
    url: '/calls/audiosocket/:id',
    schema: {
      tags: ['calls'],
      summary: 'Announce a call of Asterisk',
      description:
        'AudioSocket itself carries a UUID and nothing else. This server then expects the call for two minutes. ' +
        'A form (`application/x-www-form-urlencoded`) will do too, without data tools.',
      problems: ['CHARLA_DATA_TOOLS_INVALID', 'CHARLA_DATA_TOOLS_TOO_LARGE'],
      params: paramsSchema,
      body: announcementSchema,
      response: { 200: answerSchema },
    },
    handler: async ({ params: { id }, body }) => {
      const { caller, called, profile, data_tools } = body;
      announced.add(id, {
        caller: shownNumber(caller),
        called: shownNumber(called),
        profile,
        ...(data_tools !== undefined && { dataTools: parseDataTools(data_tools, '/data_tools') }),
      });
      return { id: id.toLowerCase(), expires_in_seconds: ANNOUNCED_SECONDS };
    },
  });
};
