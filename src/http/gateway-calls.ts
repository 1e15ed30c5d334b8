import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayParts } from '../channels/gateway/create-gateway.ts';
import type { Config } from '../config/config.ts';
import { PHONE_IDENTITY } from '../rooms/line-messages.ts';
import { SIP_ATTRIBUTES } from '../rooms/sip-participant.ts';
import { participantToken } from '../rooms/tokens.ts';
import { parseDataTools } from '../sessions/data-tools.ts';
import { type Phone, personsNumber } from '../sessions/session.ts';
import type { Logger } from '../telemetry/log.ts';
import { createAwaySentence } from './away-sentence.ts';
import type { Conversations } from './conversations.ts';

/** Who withholds their number. */
const NO_NUMBER = 'anonymous';

/** The agent sees by itself that the person is gone, and closes the room; after this long it is closed in any case. */
const AGENT_CLOSES_MS = 1_000;

/** What the gateway asks of sessions and rooms: see {@link GatewayParts}. */
export function gatewayCalls(
  config: Config,
  conversations: Conversations,
  log: Logger,
): Pick<GatewayParts, 'openCall' | 'closeCall' | 'awaySentence'> {
  return {
    awaySentence: createAwaySentence(config, log),
    openCall: callOpener(config, conversations),
    async closeCall(sessionId) {
      await sleep(AGENT_CLOSES_MS);
      await conversations.end(sessionId);
    },
  };
}

function callOpener(config: Config, conversations: Conversations): GatewayParts['openCall'] {
  return async ({ channel, phone, callId }, { room, profile, dataTools }) => {
    const { id, language } = await conversations.join({
      userId: personsNumber(phone) ?? NO_NUMBER,
      room,
      channel,
      phone,
      ...(profile !== undefined && { profile }),
      ...(dataTools !== undefined && { dataTools: parseDataTools(dataTools) }),
    });
    const { token } = await participantToken(config, {
      room,
      identity: PHONE_IDENTITY,
      session: id,
      attributes: sipAttributes(phone, callId),
    });
    return { sessionId: id, language, url: config.LIVEKIT_URL, token };
  };
}

/** What livekit-sip tells of a call by its participant's attributes: the agent reads one kind of them. */
function sipAttributes(phone: Phone, callId: string): Record<string, string> {
  const { direction, caller, called } = phone;
  const [theirs, ours] = direction === 'inbound' ? [caller, called] : [called, caller];
  return {
    [SIP_ATTRIBUTES.callId]: callId,
    [SIP_ATTRIBUTES.callStatus]: 'active',
    ...(theirs !== null && { [SIP_ATTRIBUTES.phoneNumber]: theirs }),
    ...(ours !== null && { [SIP_ATTRIBUTES.trunkPhoneNumber]: ours }),
  };
}
