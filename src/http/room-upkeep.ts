import { CharlaError } from '../errors.ts';
import type { LiveKit } from '../rooms/livekit.ts';
import { closeRoom } from '../rooms/open-room.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Turns } from './turns.ts';

/** What is left to do when a session is over or has changed, and has to be done even if LiveKit is away now. */
export interface RoomUpkeep {
  /** Closes the room of a session that is over, unless another session has it; later, if LiveKit is away. */
  close(room: string): Promise<void>;
  /** The same, now or not at all. @throws as `LiveKit.request` and {@link SessionStore} */
  closeNow(room: string): Promise<void>;
  /** Has something done with the next {@link RoomUpkeep.catchUp}; what comes again under the same key replaces it. */
  later(key: string, task: () => Promise<void>): void;
  /** Does what could not be done so far; while LiveKit is away, no more than to find that out. */
  catchUp(signal?: AbortSignal): Promise<void>;
}

export interface RoomUpkeepParts {
  livekit: LiveKit;
  sessions: Pick<SessionStore, 'getByRoom'>;
  log: Logger;
  /** Turns of rooms: none is closed while it is being opened for its next session. */
  inTurn: Turns;
}

/** What waits in memory at most: beyond that LiveKit closes rooms by itself when everybody has left. */
const MAX_TASKS = 10_000;
const AWAY: ReadonlySet<string> = new Set(['CHARLA_LIVEKIT_UNAVAILABLE', 'CHARLA_STORE_UNAVAILABLE']);

export function createRoomUpkeep({ livekit, sessions, log, inTurn }: RoomUpkeepParts): RoomUpkeep {
  const tasks = new Map<string, () => Promise<void>>();
  const later = (key: string, task: () => Promise<void>) => {
    if (tasks.size < MAX_TASKS || tasks.has(key)) tasks.set(key, task);
  };
  const closeNow = (room: string) =>
    inTurn(room, async () => {
      if ((await sessions.getByRoom(room)) === undefined) await closeRoom(livekit, room);
    });
  return {
    closeNow,
    async close(room) {
      try {
        await closeNow(room);
      } catch (error) {
        log.warn({ err: error, room }, 'a room could not be closed; it will be');
        later(`close ${room}`, () => closeNow(room));
      }
    },
    later,
    async catchUp(signal) {
      for (const [key, task] of [...tasks]) {
        if (signal?.aborted) return;
        tasks.delete(key);
        try {
          await task();
        } catch (error) {
          log.warn({ err: error }, 'what was left to do for a room failed; it will be done');
          later(key, task);
          // Each of them would wait as long.
          if (error instanceof CharlaError && AWAY.has(error.code)) return;
        }
      }
    },
  };
}
