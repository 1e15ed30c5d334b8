import formbody from '@fastify/formbody';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TWILIO_PATHS } from '../../channels/carrier-paths.ts';
import { CharlaError } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { ifThere, isConfigured, opensNoWebSocket, strangersAddress } from '../carrier-requests.ts';
import type { HttpContext } from '../context.ts';
import { profileSchema } from '../schemas.ts';

/** Twilio's forms have some forty short fields. */
const BODY_LIMIT_BYTES = 64 * 1024;
const FORM = 'application/x-www-form-urlencoded';
const EXAMPLE_SID = 'CA0123456789abcdef0123456789abcdef';
/** After these nothing more happens in a call. */
const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'busy', 'no-answer', 'canceled']);

const callSid = z.string().regex(/^CA[0-9a-f]{32}$/i, 'is not the id of a call');
const label = z.string().max(256);
const incomingSchema = z
  .object({
    CallSid: callSid,
    From: label.optional().describe('Who calls; E.164, or a SIP address.'),
    To: label.optional().describe('The number that was called.'),
    Direction: label.optional(),
    DialCallStatus: label.optional().describe('After a transfer: what came of it.'),
  })
  .meta({
    id: 'TwilioCall',
    examples: [{ CallSid: EXAMPLE_SID, From: '+34600111222', To: '+34911234567', Direction: 'inbound' }],
  });
const statusSchema = z
  .object({ CallSid: callSid, CallStatus: label })
  .meta({ id: 'TwilioStatus', examples: [{ CallSid: EXAMPLE_SID, CallStatus: 'completed' }] });
const queryString = z.object({
  profile: profileSchema
    .optional()
    .describe('Of the calls of this number; that of the called number unless given.'),
  bodySHA256: label.optional().describe('Put there by Twilio where the body is JSON.'),
});
const twiml = z.string().meta({
  examples: [
    '<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://voice.example/api/v1/twilio/media-stream"><Parameter name="token" value="eyJ…"/></Stream></Connect></Response>',
  ],
});

/**
 * Twilio's webhooks, and the WebSockets of its media streams. Everything is for Twilio alone: what it did not sign is
 * refused, and without its account there is nothing here.
 */
export const twilioRoutes: FastifyPluginAsyncZod<{ context: HttpContext; log: Logger }> = async (
  app,
  { context, log },
) => {
  const { config, gateway } = context;
  const calls = isConfigured(config, 'TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'PUBLIC_URL')
    ? // Its SDK takes 27 MB, which only who has its calls pays for.
      (await import('../../channels/twilio/twilio-calls.ts')).createTwilioCalls({
        config,
        gateway,
        log,
      })
    : undefined;
  const here = (request: FastifyRequest) => ifThere(calls, request);

  await app.register(formbody, { bodyLimit: BODY_LIMIT_BYTES });
  const json = new WeakMap<FastifyRequest, string>();
  const signed = new WeakSet<FastifyRequest>();
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    json.set(request, String(text));
    app.getDefaultJsonParser('ignore', 'ignore')(request, String(text), done);
  });
  app.addHook('onRequest', async (request) => {
    here(request);
  });
  /** Before anything else is looked at. */
  const checkSignature = async (request: FastifyRequest) => {
    const { url, headers, body } = request;
    const text = json.get(request);
    const isSigned = here(request).isSigned({
      url,
      signature: String(headers['x-twilio-signature'] ?? ''),
      body: text === undefined ? { form: formOf(body) } : { json: text },
    });
    if (!isSigned) {
      const reason = 'X-Twilio-Signature is missing, or of something else';
      const variables = 'TWILIO_AUTH_TOKEN or PUBLIC_URL';
      throw new CharlaError('CHARLA_SIGNATURE_INVALID', { carrier: 'Twilio', reason, variables });
    }
    signed.add(request);
  };
  const xml = (reply: FastifyReply, text: string) => reply.code(200).type('text/xml').send(text);

  app.route({
    method: 'POST',
    url: TWILIO_PATHS.incomingCall,
    config: { isForCarrier: true },
    bodyLimit: BODY_LIMIT_BYTES,
    schema: {
      summary: 'What Twilio is to do with a call',
      description:
        'The webhook of a number at Twilio («A call comes in»): has it open a media stream, over which the agent talks. Only for Twilio: X-Twilio-Signature is checked.',
      tags: ['telephone'],
      consumes: [FORM],
      querystring: queryString,
      body: incomingSchema,
      response: { 200: { description: 'TwiML.', content: { 'text/xml': { schema: twiml } } } },
      problems: ['CHARLA_NOT_FOUND', 'CHARLA_SIGNATURE_INVALID'],
    },
    preValidation: checkSignature,
    // Twilio would read an error page as silence, and hang up.
    errorHandler: (error, request, reply) => {
      if (!signed.has(request)) throw error;
      request.log.error({ err: error }, 'a call from Twilio could not be answered');
      return xml(reply, here(request).apologise());
    },
    handler: async (request, reply) => {
      const { body, query } = request;
      return xml(reply, await here(request).answer({ ...body, profile: query.profile }));
    },
  });

  app.route({
    method: 'POST',
    url: TWILIO_PATHS.status,
    config: { isForCarrier: true },
    bodyLimit: BODY_LIMIT_BYTES,
    schema: {
      summary: 'How a call at Twilio goes',
      description:
        'The status callback of a number at Twilio: ends the call that is over. Only for Twilio: X-Twilio-Signature is checked.',
      tags: ['telephone'],
      consumes: [FORM],
      querystring: queryString,
      body: statusSchema,
      response: { 204: z.undefined().describe('Heard.') },
      problems: ['CHARLA_NOT_FOUND', 'CHARLA_SIGNATURE_INVALID'],
    },
    preValidation: checkSignature,
    handler: async (request, reply) => {
      const { CallSid, CallStatus } = request.body;
      if (OVER.has(CallStatus)) here(request).finish(CallSid);
      return reply.code(204).send();
    },
  });

  app.route({
    method: 'GET',
    url: TWILIO_PATHS.mediaStream,
    config: { isForCarrier: true },
    // OpenAPI has no words for a WebSocket.
    schema: { hide: true },
    handler: opensNoWebSocket,
    wsHandler: (socket, request) => here(request).takeStream(socket, strangersAddress(request, config)),
  });
};

/** A body of another kind has no fields, and so no signature. */
function formOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}
