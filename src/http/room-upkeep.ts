import type { LiveKit } from '../rooms/livekit.ts';
import { closeRoom } from '../rooms/open-room.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Logger } from '../telemetry/log.ts';

/** What is left to do when a session is over or has changed, and has to be done even if LiveKit is away now. */
export interface RoomUpkeep {
  /** Closes the room of a session that is over, unless another session has it; later, if LiveKit is away. */
  close(room: string): Promise<void>;
  /** Has something done with the next {@link RoomUpkeep.catchUp}; what comes again under the same key replaces it. */
  later(key: string, task: () => Promise<void>): void;
  /** Does what could not be done so far. */
  catchUp(): Promise<void>;
}

/** What waits in memory at most: beyond that LiveKit closes rooms by itself when everybody has left. */
const MAX_TASKS = 10_000;

export function createRoomUpkeep(
  livekit: LiveKit,
  sessions: Pick<SessionStore, 'getByRoom'>,
  log: Logger,
): RoomUpkeep {
  const tasks = new Map<string, () => Promise<void>>();
  const later = (key: string, task: () => Promise<void>) => {
    if (tasks.size < MAX_TASKS || tasks.has(key)) tasks.set(key, task);
  };
  const close = async (room: string) => {
    try {
      if ((await sessions.getByRoom(room)) === undefined) await closeRoom(livekit, room);
    } catch (error) {
      log.warn({ err: error, room }, 'a room could not be closed; it will be');
      later(`close ${room}`, () => close(room));
    }
  };
  return {
    close,
    later,
    async catchUp() {
      for (const [key, task] of [...tasks]) {
        tasks.delete(key);
        try {
          await task();
        } catch (error) {
          log.warn({ err: error }, 'what was left to do for a room failed; it will be done');
          later(key, task);
        }
      }
    },
  };
}
