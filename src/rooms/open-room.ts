import { RoomAgentDispatch } from 'livekit-server-sdk';
import { isRoomGone, type LiveKit } from './livekit.ts';

/** A room that nobody has joined closes after this long, and its agent is free again. */
const EMPTY_SECONDS = 2 * 60;
/** After the last person has left: time to come back after a lost connection. */
const DEPARTURE_SECONDS = 20;

/**
 * Opens a room with its metadata and asks for the agent, both in one request: whoever joins afterwards finds them there.
 * A room that is open already stays as it is.
 *
 * @throws CharlaError as {@link LiveKit.request}
 */
export async function openRoom(
  livekit: LiveKit,
  { room, metadata, agentName }: { room: string; metadata: string; agentName: string },
): Promise<void> {
  await livekit.request(
    ({ rooms }) =>
      rooms.createRoom({
        name: room,
        metadata,
        emptyTimeout: EMPTY_SECONDS,
        departureTimeout: DEPARTURE_SECONDS,
        agents: [new RoomAgentDispatch({ agentName })],
      }),
    { idempotent: true },
  );
}

/**
 * Changes the metadata of an open room; everybody in it hears of it.
 *
 * @throws CharlaError as {@link LiveKit.request}; a `ServerError` when there is no such room (`isRoomGone`)
 */
export async function updateRoomMetadata(livekit: LiveKit, room: string, metadata: string): Promise<void> {
  await livekit.request(({ rooms }) => rooms.updateRoomMetadata(room, metadata), { idempotent: true });
}

/**
 * Closes a room; everybody in it hangs up. One that is not there stays so.
 *
 * @throws CharlaError as {@link LiveKit.request}
 */
export async function closeRoom(livekit: LiveKit, room: string): Promise<void> {
  try {
    await livekit.request(({ rooms }) => rooms.deleteRoom(room), { idempotent: true });
  } catch (error) {
    if (!isRoomGone(error)) throw error;
  }
}

/**
 * Those of the rooms that are open now.
 *
 * @throws CharlaError as {@link LiveKit.request}
 */
export async function openRooms(livekit: LiveKit, rooms: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await livekit.request((clients) => clients.rooms.listRooms([...rooms]), { idempotent: true });
  return new Set(found.map(({ name }) => name));
}

/** The metadata of a room that is open now; undefined when there is no such room. */
export async function openRoomMetadata(livekit: LiveKit, room: string): Promise<string | undefined> {
  const found = await livekit.request(({ rooms }) => rooms.listRooms([room]), { idempotent: true });
  return found[0]?.metadata;
}
