import { ServerError, SipCallError } from 'livekit-server-sdk';
import type { LiveKit } from './livekit.ts';
import { findOutboundTrunk } from './outbound-trunk.ts';

/** What a telephone or a carrier answers that does not know REFER, or does not want it. */
const NO_REFER: ReadonlySet<number> = new Set([403, 405, 420, 488, 489, 501]);

/**
 * Gives a SIP call away by REFER (RFC 3515): whoever is at the other end calls the new number, and livekit-sip ends our
 * side of it.
 *
 * @param options.number - in E.164, or a SIP address
 * @returns `refused` where the other end does not take REFERs
 * @throws CharlaError or ServerError where it does, and the new number did not answer
 */
export async function referCall(
  livekit: LiveKit,
  options: { room: string; identity: string; number: string; ringSeconds: number },
): Promise<'done' | 'refused'> {
  const { room, identity, number, ringSeconds } = options;
  const uri = number.startsWith('+') ? `tel:${number}` : number;
  try {
    await livekit.request(({ sip }) =>
      sip.transferSipParticipant(room, identity, uri, { ringingTimeout: ringSeconds, playDialtone: true }),
    );
    return 'done';
  } catch (error) {
    const status = sipStatus(error);
    if (status !== undefined && NO_REFER.has(status)) return 'refused';
    throw error;
  }
}

/**
 * Calls a number and brings it into a room; resolves when it has answered.
 *
 * @param options.trunk - id or name of the outbound trunk; without, the only one that there is
 * @throws CharlaError as {@link findOutboundTrunk}; CharlaError or ServerError where nobody answered
 */
export async function ringInto(
  livekit: LiveKit,
  options: {
    room: string;
    number: string;
    identity: string;
    name: string;
    ringSeconds: number;
    /** After this long livekit-sip hangs up, where it can. */
    maxSeconds: number;
    trunk: string | undefined;
  },
): Promise<void> {
  const { room, number, identity, name, ringSeconds, maxSeconds } = options;
  const { id: trunk } = await findOutboundTrunk(livekit, options.trunk);
  await livekit.request(({ sip }) =>
    sip.createSipParticipant(trunk, number, room, {
      participantIdentity: identity,
      participantName: name,
      waitUntilAnswered: true,
      playDialtone: true,
      ringingTimeout: ringSeconds,
      maxCallDuration: maxSeconds,
    }),
  );
}

function sipStatus(error: unknown): number | undefined {
  if (error instanceof SipCallError) return error.sipStatusCode;
  return error instanceof Error && error.cause instanceof ServerError ? sipStatus(error.cause) : undefined;
}
