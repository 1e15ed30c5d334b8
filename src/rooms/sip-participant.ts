import type { ParticipantKind, RemoteParticipant } from '@livekit/rtc-node';

/**
 * Attributes of whoever is on a telephone. livekit-sip sets them for its participants, and we do for those of a carrier's
 * gateway, so that the agent reads one kind of them; nobody sets their own.
 */
export const SIP_ATTRIBUTES = {
  callId: 'sip.callID',
  /** `dialing`, `ringing`, `automation` (keys are pressed for them), `active`, `hangup`. */
  callStatus: 'sip.callStatus',
  /** Of the other end. */
  phoneNumber: 'sip.phoneNumber',
  /** Ours. */
  trunkPhoneNumber: 'sip.trunkPhoneNumber',
} as const;

/** Attribute of a rule, and so of the caller in the room, that names the agent's profile. */
export const PROFILE_ATTRIBUTE = 'charla.profile';

/** Identity of whoever we call, in their room. */
export const CALLEE_IDENTITY = 'callee';
/** Identity of whom a call is given to by a second leg, in the room of the call. */
export const TRANSFER_IDENTITY = 'transfer';

/** Written out: who only needs names does not load LiveKit's native library. */
const SIP: ParticipantKind.SIP = 3;

/** Whether a participant is livekit-sip's. */
export function isSip({ info }: Pick<RemoteParticipant, 'info'>): boolean {
  return info.kind === SIP;
}

/**
 * Whether a participant is on a telephone: livekit-sip's, whose attributes may come a moment later, or a gateway's, which
 * has them from the start.
 */
export function isTelephone(who: Pick<RemoteParticipant, 'info' | 'attributes'>): boolean {
  return isSip(who) || who.attributes[SIP_ATTRIBUTES.callId] !== undefined;
}
