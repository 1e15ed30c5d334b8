import { setTimeout as sleep } from 'node:timers/promises';
import { type RemoteParticipant, type Room, RoomEvent } from '@livekit/rtc-node';
import { SEND_DIGITS_METHOD, TRANSFER_METHOD } from '../../rooms/line-messages.ts';
import type { LiveKit } from '../../rooms/livekit.ts';
import { isSip, isTelephone, TRANSFER_IDENTITY } from '../../rooms/sip-participant.ts';
import { referCall, ringInto } from '../../rooms/transfer-call.ts';
import { codeOfKey } from '../../telephone-keys.ts';

/** To whom a call goes, and how. */
export interface Destination {
  /** As the agent calls it. */
  name: string;
  /** In E.164, or a SIP address. */
  number: string;
  mode: 'refer' | 'leg';
  ringSeconds: number;
}

/** The telephone of the person, as far as the agent can do something with it. */
export interface PhoneLine {
  /** Presses keys for whoever is at the other end: `0-9*#A-D`. @throws when they cannot be sent */
  sendDigits(digits: string): Promise<void>;
  /**
   * Gives the call to somebody else.
   *
   * @param limit.maxSeconds - how long it may last there, as far as that is for us to say
   * @returns `away`: the person's telephone leaves the room; `joined`: that somebody has come into the room
   * @throws when nobody took it: the call is still the agent's
   */
  transfer(to: Destination, limit: { maxSeconds: number }): Promise<'away' | 'joined'>;
}

export interface PhoneLineOptions {
  room: Room;
  livekit: LiveKit;
  /** Id or name of the trunk for second legs; without, the only one that there is. */
  outboundTrunk: string | undefined;
}

/** Between two keys, ms: livekit-sip plays each for 250. */
const KEY_INTERVAL_MS = 300;
/** A carrier has answered its API by then, apart from the time that it rings. */
const CARRIER_TIMEOUT_MS = 20_000;

/**
 * The line of a call. A SIP participant is served by LiveKit itself; a gateway's by remote procedure calls on its
 * participant, which it turns into what its carrier understands.
 */
export function createPhoneLine(options: PhoneLineOptions): PhoneLine {
  const { room, livekit, outboundTrunk } = options;
  const ask = async (method: string, payload: object, timeoutMs = CARRIER_TIMEOUT_MS) => {
    const { identity } = telephoneIn(room);
    await room.localParticipant?.performRpc({
      destinationIdentity: identity,
      method,
      payload: JSON.stringify(payload),
      responseTimeout: timeoutMs,
    });
  };
  const ring = async ({ name, number, ringSeconds }: Destination, maxSeconds: number) => {
    // What rings for somebody who has hung up meanwhile is given up with the room.
    await ringInto(livekit, {
      room: room.name ?? '',
      number,
      ringSeconds,
      maxSeconds,
      identity: TRANSFER_IDENTITY,
      name,
      trunk: outboundTrunk,
    });
    return 'joined' as const;
  };
  return {
    async sendDigits(digits) {
      if (!isSip(telephoneIn(room))) return ask(SEND_DIGITS_METHOD, { digits });
      for (const [index, digit] of [...digits].entries()) {
        if (index > 0) await sleep(KEY_INTERVAL_MS);
        await room.localParticipant?.publishDtmf(codeOfKey(digit), digit);
      }
    },
    async transfer(to, { maxSeconds }) {
      const telephone = telephoneIn(room);
      if (!isSip(telephone)) {
        const { number, ringSeconds } = to;
        const timeoutMs = CARRIER_TIMEOUT_MS + ringSeconds * 1000;
        await ask(TRANSFER_METHOD, { to: number, ring_s: ringSeconds }, timeoutMs);
        return 'away';
      }
      if (to.mode === 'leg') return ring(to, maxSeconds);
      const { identity } = telephone;
      const referred = await referCall(livekit, { ...to, room: room.name ?? '', identity });
      return referred === 'refused' ? ring(to, maxSeconds) : 'away';
    },
  };
}

/**
 * Waits until nobody needs the room any more: the telephone of a call that was given away has left, or one of two that talk
 * in it. Others who are there, a listener for example, may come and go.
 */
export async function telephonesLeave(room: Room, way: 'away' | 'joined'): Promise<void> {
  const { ParticipantDisconnected, Disconnected } = RoomEvent;
  const isNeeded = () =>
    room.isConnected &&
    people(room).some(isPersons) &&
    (way === 'away' || room.remoteParticipants.has(TRANSFER_IDENTITY));
  if (!isNeeded()) return;
  await new Promise<void>((resolve) => {
    const onLeft = () => {
      if (isNeeded()) return;
      room.off(ParticipantDisconnected, onLeft);
      room.off(Disconnected, onLeft);
      resolve();
    };
    room.on(ParticipantDisconnected, onLeft);
    room.on(Disconnected, onLeft);
  });
}

/** @throws Error where the person has hung up */
function telephoneIn(room: Room): RemoteParticipant {
  const telephone = people(room).find(isPersons);
  if (telephone === undefined) throw new Error('there is no telephone in the room any more');
  return telephone;
}

function people(room: Room): RemoteParticipant[] {
  return [...room.remoteParticipants.values()];
}

/** Whether it is the telephone of the person; not the second leg of a transfer. */
function isPersons(who: RemoteParticipant): boolean {
  return isTelephone(who) && who.identity !== TRANSFER_IDENTITY;
}
