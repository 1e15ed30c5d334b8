import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { isWithheld, phoneNumber } from '../../sessions/phone-number.ts';
import type { HttpContext } from '../context.ts';
import { metadataOf } from '../room-content.ts';
import {
  EXAMPLE_SESSION,
  idSchema,
  LIVEKIT_PROBLEMS,
  name,
  profileSchema,
  roomSchema,
  STORE_PROBLEMS,
} from '../schemas.ts';

const EXAMPLE_ROOM = 'call-_34600111222_x3Jk9sQm2fTa';

const callSchema = z
  .object({
    room: roomSchema.describe('The room that livekit-sip brought the call into.'),
    caller: name(128).optional().describe('As the carrier names it; absent where it is withheld.'),
    called: name(128).optional(),
    sip_call_id: idSchema,
    profile: profileSchema.optional().describe('That of the called number unless given.'),
  })
  .meta({
    id: 'SipCall',
    examples: [
      { room: EXAMPLE_ROOM, caller: '+34600111222', called: '+34911234567', sip_call_id: 'SCL_8mVjYqk2pTzR' },
    ],
  });

const answerSchema = z
  .object({
    session_id: z.string(),
    metadata: z.string().describe('Of the room, which say the rest.'),
  })
  .meta({
    id: 'SipCallSession',
    examples: [
      {
        session_id: EXAMPLE_SESSION.session_id,
        metadata: `{"v":1,"session":{"id":"${EXAMPLE_SESSION.session_id}","userId":"+34600111222","profile":"sip","channel":"sip","language":"es","phone":{"direction":"inbound"}},"dataTools":{},"revision":1}`,
      },
    ],
  });

/** `POST /calls/sip`: the session of a call that livekit-sip brought into a room of its own. */
export const sipCallRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { conversations, profiles, placed } = context;
  app.route({
    method: 'POST',
    url: '/calls/sip',
    schema: {
      tags: ['calls'],
      summary: 'Tell of a call that came in by SIP',
      description:
        'For agents in calls. The call gets a session, once: who asks again for the same room gets the same one.',
      problems: ['CHARLA_ROOM_CLOSED', ...LIVEKIT_PROBLEMS, ...STORE_PROBLEMS],
      body: callSchema,
      response: { 200: answerSchema },
    },
    handler: async ({ body }) => {
      const { room, sip_call_id, profile } = body;
      const caller = numberOrName(body.caller);
      const session = await conversations.join({
        userId: caller ?? `anonymous-${sip_call_id}`.slice(0, 128),
        room,
        opens: false,
        channel: 'sip',
        phone: { direction: 'inbound', caller, called: numberOrName(body.called) },
        ...(profile !== undefined && { profile }),
      });
      return { session_id: session.id, metadata: await metadataOf(session, profiles, placed) };
    },
  });
};

/** A number as it is kept, or the name of an account of a switchboard; null where it is withheld. */
function numberOrName(given: string | undefined): string | null {
  if (given === undefined || isWithheld(given)) return null;
  return phoneNumber(given) ?? given;
}
