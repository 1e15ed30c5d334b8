import type { Room } from '@livekit/rtc-node';
import type { Config } from '../../config/config.ts';
import type { RoomSession } from '../../rooms/metadata.ts';
import { isSip } from '../../rooms/sip-participant.ts';
import type { Logger } from '../../telemetry/log.ts';
import { TOO_LATE, within } from '../../within.ts';
import type { CallerLine } from './caller-line.ts';
import { openSipSession } from './sip-session.ts';

/** A caller is greeted, whether or not the API has said who they are: longer than its hook has, ms. */
const FIRST_SESSION_LIMIT_MS = 2_000;

export interface FoundSession {
  /** The room's metadata, which name the session; empty where there is none. */
  metadata: string;
  /** What is known of the session all the same. */
  unknown?: Pick<RoomSession, 'channel' | 'phone'>;
  /** The metadata, when they come later; undefined: they do not come. */
  later?: Promise<string | undefined>;
}

/**
 * The session of a call. Rooms that the API opens have it in their metadata; those that livekit-sip opens have none: its
 * caller is waited for, and the API told. While the API is away the call begins without.
 *
 * @param options.given - metadata of the room when the agent was asked for
 */
export async function findSession(
  config: Config,
  room: Room,
  { given, line, log }: { given: string; line: Pick<CallerLine, 'person'>; log: Logger },
): Promise<FoundSession> {
  if (given !== '') return { metadata: given };
  const caller = await line.person;
  if (room.metadata) return { metadata: room.metadata };
  if (caller === undefined || !isSip(caller)) return { metadata: '' };
  const opening = openSipSession(config, room, caller, log);
  const metadata = await within(FIRST_SESSION_LIMIT_MS, opening);
  const unknown = { channel: 'sip', phone: { direction: 'inbound' as const } };
  return metadata === TOO_LATE
    ? { metadata: '', unknown, later: opening }
    : { metadata: metadata ?? '', unknown };
}
