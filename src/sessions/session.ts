import type { Language } from '../config/config.ts';
import type { Phone } from '../store/phone.ts';
import type { DataTools } from './data-tools.ts';

export type { Phone };

/**
 * `created`: nobody has talked yet; `active`: a call runs; `ended`: it is over; `expired`: a time limit ended it. The last
 * two are final.
 */
export const SESSION_STATUSES = ['created', 'active', 'ended', 'expired'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** Of the data tools with which a session starts. */
export const FIRST_REVISION = 1;

/** One conversation: who talks, where, and what is known about them. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly room: string;
  readonly profile: string;
  readonly channel: string;
  readonly language: Language;
  /** Null unless it is a telephone call. */
  readonly phone: Phone | null;
  readonly status: SessionStatus;
  readonly dataTools: DataTools;
  /** Grows by one with each change of the data tools. */
  readonly revision: number;
  readonly createdAt: Date;
  /** Last time that it was asked for, changed, or talked in; within a minute. */
  readonly lastActiveAt: Date;
  /** When it expires, whatever happens in it. */
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
}

export type NewSession = Pick<
  Session,
  'id' | 'userId' | 'room' | 'profile' | 'channel' | 'language' | 'phone' | 'dataTools'
>;

/** Channels whose person holds a telephone. */
export const PHONE_CHANNELS: readonly string[] = ['sip', 'twilio', 'telnyx', 'audiosocket'];

/** The telephone number of the person, not ours; undefined where there is none. */
export function personsNumber(phone: Phone | null): string | undefined {
  return (phone?.direction === 'outbound' ? phone.called : phone?.caller) ?? undefined;
}

/** What a list shows of a session. */
export type SessionSummary = Omit<Session, 'dataTools'>;

/** Of sessions that can still be joined and changed. */
export const OPEN_STATUSES: readonly SessionStatus[] = ['created', 'active'];

/** Whether a session can still be joined and changed. */
export function isOpen({ status }: Pick<Session, 'status'>): boolean {
  return OPEN_STATUSES.includes(status);
}
