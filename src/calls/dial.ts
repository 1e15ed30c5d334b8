import type { calls } from '../store/schema.ts';

/**
 * How far a call that we place has come. `ringing` until one of the others is known: somebody answered; their line is busy;
 * nobody answered in time; it cannot be had, or was refused; it was ended before anybody answered.
 */
export const DIAL_STATES = ['ringing', 'answered', 'busy', 'no_answer', 'failed', 'canceled'] as const;
export type DialState = (typeof DIAL_STATES)[number];

/** A call that we place, as it is kept. */
export type KeptDial = NonNullable<(typeof calls.$inferSelect)['dial']>;

/** Whom a call rings, through which trunk, and how far it came. */
export interface Dial {
  readonly state: DialState;
  /** In E.164, or a SIP URI. */
  readonly to: string;
  /** What they see; null where the trunk decides. */
  readonly callerId: string | null;
  readonly trunk: string;
  /** Of the SIP response that ended the ringing, as far as there was one: 200, 486, … */
  readonly sipStatus: number | null;
  readonly sipReason: string | null;
  readonly answeredAt: Date | null;
}

/** How the ringing ended. */
export type DialEnd = Pick<Dial, 'sipStatus' | 'sipReason'> & {
  readonly state: Exclude<DialState, 'ringing'>;
};

/** What others see of it; null for a call that we did not place. */
export function dialOf(kept: KeptDial | null): Dial | null {
  if (kept === null) return null;
  const { state, to, caller_id, trunk, sip_status, sip_reason, answered_at } = kept;
  return {
    state,
    to,
    callerId: caller_id,
    trunk,
    sipStatus: sip_status,
    sipReason: sip_reason,
    answeredAt: answered_at === null ? null : new Date(answered_at),
  };
}

/** The same after the ringing has ended. */
export function dialEnded(kept: KeptDial, { state, sipStatus, sipReason }: DialEnd, at: Date): KeptDial {
  return {
    ...kept,
    state,
    sip_status: sipStatus,
    sip_reason: sipReason,
    answered_at: state === 'answered' ? at.toISOString() : null,
  };
}
