import type { Room } from '@livekit/rtc-node';

/**
 * Whether a room is the one that the agent was asked into. Its person may have left before the agent came, and the room
 * closed: then whoever joins opens another of the same name, in which nobody is.
 *
 * @param sid - LiveKit's id of the room that the agent was asked into; empty where that is not known
 */
export async function isOwnRoom(room: Room, sid: string): Promise<boolean> {
  // It rejects where the room closes before it is known.
  return sid === '' || (await room.getSid().catch(() => '')) === sid;
}

/** Whether nobody but us needs the room. */
export function isAbandoned(room: Room): boolean {
  return room.remoteParticipants.size === 0 && !room.metadata;
}
