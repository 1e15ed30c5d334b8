import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import { parseDataTools } from '../../sessions/data-tools.ts';
import type { HttpContext } from '../context.ts';
import {
  dataToolsSchema,
  LIVEKIT_PROBLEMS,
  languageSchema,
  phoneNumberSchema,
  profileSchema,
  STORE_PROBLEMS,
  userIdSchema,
} from '../schemas.ts';
import { callSummary, callSummarySchema } from './calls.ts';

const idempotencyKeySchema = z
  .string()
  .regex(/^[\w.:-]{1,255}$/, 'may have letters, digits, «_», «.», «:» and «-», at most 255');

const callSchema = z
  .object({
    to: z
      .string()
      .min(1)
      .max(256)
      .describe('Number with the code of its country. In development, a SIP URI will do too.'),
    profile: profileSchema.optional().describe('That of the number that they see unless given.'),
    // Checked by parseDataTools, which knows the limits and names the key.
    data_tools: dataToolsSchema.optional(),
    user_id: userIdSchema.optional().describe('The number unless given.'),
    language: languageSchema.optional(),
    caller_id: phoneNumberSchema
      .optional()
      .describe('What they see, of the numbers of the trunk; its first one unless given.'),
    trunk: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe('Id or name; that of SIP_OUTBOUND_TRUNK, or the only one there is, unless given.'),
    idempotency_key: idempotencyKeySchema
      .optional()
      .describe(
        'The same request with the same key places one call. The header Idempotency-Key will do too.',
      ),
  })
  .meta({
    id: 'PlaceCall',
    examples: [
      {
        to: '+34600111222',
        data_tools: { user_context: { name: 'Ana' } },
        idempotency_key: 'reminder-1234',
      },
    ],
  });

/** Calls that we place. */
export const outboundCallRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (
  app,
  { context },
) => {
  app.route({
    method: 'POST',
    url: '/calls',
    schema: {
      tags: ['calls'],
      summary: 'Call somebody',
      description:
        'The answer comes while it rings; GET /calls/{id} and webhooks say how it goes on. With an idempotency key, a request may be sent again without a second call.',
      problems: [
        'CHARLA_NUMBER_NOT_ALLOWED',
        'CHARLA_IDEMPOTENCY_CONFLICT',
        'CHARLA_SIP_TRUNK_MISSING',
        'CHARLA_SIP_TRUNK_FULL',
        'CHARLA_SIP_NOT_CONNECTED',
        'CHARLA_SIP_REFUSED',
        'CHARLA_DATA_TOOLS_INVALID',
        'CHARLA_DATA_TOOLS_TOO_LARGE',
        'CHARLA_CALL_NOT_FOUND',
        ...LIVEKIT_PROBLEMS,
        ...STORE_PROBLEMS,
      ],
      headers: z.looseObject({ 'idempotency-key': idempotencyKeySchema.optional() }),
      body: callSchema,
      response: {
        200: callSummarySchema.describe('An earlier request with this idempotency key placed it.'),
        202: callSummarySchema.describe('It rings.'),
      },
    },
    handler: async ({ body, headers }, reply) => {
      const { idempotency_key: given, data_tools, ...rest } = body;
      const key = given ?? headers['idempotency-key'];
      if (headers['idempotency-key'] !== undefined && headers['idempotency-key'] !== key) {
        throw new CharlaError('CHARLA_REQUEST_INVALID', {
          problems: '/idempotency_key: is another one than that of the header Idempotency-Key',
        });
      }
      const { call, isNew } = await context.outbound.place(
        {
          to: rest.to,
          userId: rest.user_id,
          dataTools: data_tools === undefined ? undefined : parseDataTools(data_tools, '/data_tools'),
          profile: rest.profile,
          language: rest.language,
          callerId: rest.caller_id,
          trunk: rest.trunk,
        },
        key,
      );
      return reply.code(isNew ? 202 : 200).send(callSummary(call));
    },
  });
};
