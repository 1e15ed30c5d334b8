import { setTimeout as sleep } from 'node:timers/promises';
import { SIPOutboundConfig } from '@livekit/protocol';
import { ServerError, SipCallError } from 'livekit-server-sdk';
import { isRoomGone, type LiveKit } from './livekit.ts';
import { CALLEE_IDENTITY, SIP_ATTRIBUTES } from './sip-participant.ts';

/** Where a call goes out. */
export type Way =
  | { readonly trunkId: string }
  /** Straight to a SIP address, `host:port`, without a trunk. */
  | { readonly address: string };

export interface SipCall {
  room: string;
  way: Way;
  /** A number, or the user of a SIP address. */
  to: string;
  /** What the callee sees; undefined lets the trunk decide. */
  from: string | undefined;
  ringSeconds: number;
  /** After this long livekit-sip hangs up, where it can. */
  maxSeconds: number;
}

/** How a call that was placed went on. */
export type SipCallResult =
  | { answered: true }
  | {
      answered: false;
      /** The carrier's, such as 486; undefined when it said nothing. */
      status: number | undefined;
      /** The carrier's, as in «Busy Here», or what livekit-sip says. */
      reason: string | undefined;
      /** Whether it rang, for as long as it may, and nobody answered. */
      unanswered: boolean;
    };

/** What livekit-server puts in front of what livekit-sip says. */
const UNNAMED = /^twirp error unknown: /;
/** Clocks of two processes do not run quite alike. */
const EARLY_MS = 500;
/** Between two looks whether the other end rings. */
const LOOK_MS = 1_000;

/**
 * Calls somebody into a room, and waits until they answer or it is clear that they do not. Closing the room ends the
 * ringing.
 *
 * @throws CharlaError as {@link LiveKit.request}: nothing rings, or nobody knows
 */
export async function placeSipCall(livekit: LiveKit, call: SipCall): Promise<SipCallResult> {
  const { room, way, to, from, ringSeconds, maxSeconds } = call;
  const startedMs = performance.now();
  const over = new AbortController();
  const ringing = watchRinging(livekit, room, over.signal);
  try {
    await livekit.request(({ sip }) =>
      sip.createSipParticipant(
        'trunkId' in way ? way.trunkId : '',
        to,
        room,
        {
          participantIdentity: CALLEE_IDENTITY,
          ...(from !== undefined && { fromNumber: from }),
          waitUntilAnswered: true,
          ringingTimeout: ringSeconds,
          maxCallDuration: maxSeconds,
        },
        'address' in way ? new SIPOutboundConfig({ hostname: way.address }) : undefined,
      ),
    );
    return { answered: true };
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const isSip = error instanceof SipCallError;
    const isTimeUp = performance.now() - startedMs > ringSeconds * 1000 - EARLY_MS;
    return {
      answered: false,
      status: isSip ? error.sipStatusCode : undefined,
      reason: isSip ? error.sipStatus : error.message.replace(UNNAMED, ''),
      unanswered: isTimeUp && ringing.seen(),
    };
  } finally {
    over.abort();
  }
}

/** Whether the callee of a room has answered; undefined when there is none. @throws CharlaError as {@link LiveKit.request} */
export async function hasAnswered(livekit: LiveKit, room: string): Promise<boolean | undefined> {
  const status = await callStatus(livekit, room);
  return status === undefined ? undefined : status === 'active' || status === 'automation';
}

async function callStatus(livekit: LiveKit, room: string): Promise<string | undefined> {
  try {
    const callee = await livekit.request(({ rooms }) => rooms.getParticipant(room, CALLEE_IDENTITY), {
      idempotent: true,
    });
    return callee.attributes[SIP_ATTRIBUTES.callStatus] ?? '';
  } catch (error) {
    if (isRoomGone(error)) return undefined;
    throw error;
  }
}

/** A line that rings and one that says nothing end alike: only while it lasts can they be told apart. */
function watchRinging(livekit: LiveKit, room: string, signal: AbortSignal): { seen: () => boolean } {
  let seen = false;
  const look = async () => {
    while (!seen && !signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      seen = (await callStatus(livekit, room).catch(() => undefined)) === 'ringing';
    }
  };
  void look();
  return { seen: () => seen };
}
