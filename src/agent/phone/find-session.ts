import type { RemoteParticipant, Room } from '@livekit/rtc-node';
import type { Config } from '../../config/config.ts';
import type { RoomSession } from '../../rooms/metadata.ts';
import { isSip } from '../../rooms/sip-participant.ts';
import type { Logger } from '../../telemetry/log.ts';
import { TOO_LATE, within } from '../../within.ts';
import type { CallerLine } from './caller-line.ts';
import { openSipSession } from './sip-session.ts';

/**
 * It is the caller's coming that makes livekit-sip's room, so that they are there before the agent is. Who is not there by
 * then comes to a room of others, and is to find an agent that is ready. ms
 */
const ARRIVED_MS = 500;
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
 * The session of a call. Rooms that the API opens have it in their metadata; those that livekit-sip opens have none: the API
 * is told of its caller. While the API is away the call begins without, and so does that of a room in which nobody is yet.
 *
 * @param options.given - metadata of the room when the agent was asked for
 * @param options.connected - resolves when the room is joined
 */
export async function findSession(
  config: Config,
  room: Room,
  {
    given,
    connected,
    line,
    log,
  }: { given: string; connected: Promise<unknown>; line: Pick<CallerLine, 'person'>; log: Logger },
): Promise<FoundSession> {
  if (given !== '') return { metadata: given };
  const open = async (caller: RemoteParticipant | undefined) => {
    if (room.metadata) return room.metadata;
    return caller !== undefined && isSip(caller) ? openSipSession(config, room, caller, log) : undefined;
  };
  await connected;
  const caller = await within(ARRIVED_MS, line.person);
  if (room.metadata) return { metadata: room.metadata };
  if (caller === TOO_LATE) return { metadata: '', later: line.person.then(open) };
  if (caller === undefined || !isSip(caller)) return { metadata: '' };
  const opening = open(caller);
  const metadata = await within(FIRST_SESSION_LIMIT_MS, opening);
  const unknown = { channel: 'sip', phone: { direction: 'inbound' as const } };
  return metadata === TOO_LATE
    ? { metadata: '', unknown, later: opening }
    : { metadata: metadata ?? '', unknown };
}
