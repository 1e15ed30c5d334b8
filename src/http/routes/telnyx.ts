import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TELNYX_PATHS } from '../../channels/carrier-paths.ts';
import { telnyxWebhookSchema } from '../../channels/telnyx/telnyx-events.ts';
import type { Logger } from '../../telemetry/log.ts';
import { ifThere, isConfigured, opensNoWebSocket, strangersAddress } from '../carrier-requests.ts';
import type { HttpContext } from '../context.ts';
import { profileSchema } from '../schemas.ts';

/** Telnyx's webhooks have a few KB. */
const BODY_LIMIT_BYTES = 64 * 1024;

const webhookSchema = telnyxWebhookSchema.meta({
  id: 'TelnyxWebhook',
  description:
    'An event of a call, as Telnyx documents them; those that nothing is done about are taken too.',
  examples: [
    {
      data: {
        id: '0ccc7b54-4df3-4bca-a65a-3da1ecc777f0',
        event_type: 'call.initiated',
        payload: {
          call_control_id: 'v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg',
          direction: 'incoming',
          from: '+34600111222',
          to: '+34911234567',
        },
      },
    },
  ],
});
const queryString = z.object({
  profile: profileSchema
    .optional()
    .describe('Of the calls that come this way; that of the called number unless given.'),
});

/**
 * Telnyx's webhooks, and the WebSockets of its media streams. Everything is for Telnyx alone: what it did not sign is refused,
 * and without its account there is nothing here.
 */
export const telnyxRoutes: FastifyPluginAsyncZod<{ context: HttpContext; log: Logger }> = async (
  app,
  { context: { config, gateway }, log },
) => {
  // Its SDK is loaded by who has its calls.
  const calls = isConfigured(config, 'TELNYX_API_KEY', 'TELNYX_PUBLIC_KEY', 'PUBLIC_URL')
    ? (await import('../../channels/telnyx/telnyx-calls.ts')).createTelnyxCalls({ config, gateway, log })
    : undefined;
  app.addHook('onClose', () => calls?.close());
  const here = (request: FastifyRequest) => ifThere(calls, request);
  app.addHook('onRequest', async (request) => {
    here(request);
  });
  // What is signed is the body byte for byte.
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    done(null, text);
  });

  app.route({
    method: 'POST',
    url: TELNYX_PATHS.callControl,
    config: { isForCarrier: true },
    bodyLimit: BODY_LIMIT_BYTES,
    schema: {
      summary: 'How a call at Telnyx goes',
      description:
        'The webhook of a Call Control application at Telnyx: answers calls and lets the agent talk over their media stream. Only for Telnyx: telnyx-signature-ed25519 is checked.',
      tags: ['telephone'],
      querystring: queryString,
      body: webhookSchema,
      response: { 200: z.object({}).meta({ description: 'Heard.', examples: [{}] }) },
      problems: ['CHARLA_NOT_FOUND', 'CHARLA_SIGNATURE_INVALID'],
    },
    /** Before anything else is looked at. */
    preValidation: async (request) => {
      const text = typeof request.body === 'string' ? request.body : '';
      request.body = (await here(request).verify(text, request.headers)) as typeof request.body;
    },
    handler: async (request) => {
      here(request).take(request.body, { profile: request.query.profile });
      return {};
    },
  });

  app.route({
    method: 'GET',
    url: TELNYX_PATHS.mediaStream,
    config: { isForCarrier: true },
    // OpenAPI has no words for a WebSocket.
    schema: { hide: true, querystring: z.object({ token: z.string().optional() }) },
    handler: opensNoWebSocket,
    wsHandler: (socket, request) =>
      here(request).takeStream(socket, {
        token: request.query.token,
        address: strangersAddress(request, config),
      }),
  });
};
