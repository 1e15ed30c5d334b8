import type { PlacedCalls } from '../calls/placed-calls.ts';
import { CharlaError } from '../errors.ts';
import { isRoomGone, type LiveKit } from '../rooms/livekit.ts';
import { updateRoomMetadata } from '../rooms/open-room.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import { profileCheck } from '../sessions/profile-check.ts';
import type { ProfileStore } from '../sessions/profile-store.ts';
import { isOpen, type Session } from '../sessions/session.ts';
import type { ChangedBy, SessionStore } from '../sessions/session-store.ts';
import { metadataOf } from './room-content.ts';
import type { RoomUpkeep } from './room-upkeep.ts';
import type { Turns } from './turns.ts';

/**
 * Changes the data tools of a session and of its room. Of changes at the same time, here or in another process, none
 * is lost.
 *
 * @param change - makes the new data tools of the current ones, perhaps more than once; what it throws is thrown, and
 *   nothing has changed
 * @param revisions - those that the change was made for; any unless given
 * @param by - who wants it; a server unless given
 * @throws CharlaError `CHARLA_SESSION_NOT_FOUND`, `CHARLA_SESSION_ENDED`, `CHARLA_SESSION_CHANGED`, or as
 *   `LiveKit.request`; the data tools are then what they were, as a further revision where LiveKit failed
 */
export type ChangeDataTools = (
  id: string,
  change: (current: DataTools) => DataTools,
  revisions?: readonly number[],
  by?: ChangedBy,
) => Promise<Session>;

export interface ChangeDataToolsParts {
  livekit: LiveKit;
  sessions: SessionStore;
  profiles: ProfileStore;
  upkeep: RoomUpkeep;
  /** Turns of sessions, and of rooms, which whoever closes them takes too. */
  inTurn: Turns;
  placed: Pick<PlacedCalls, 'waiting'>;
}

/**
 * Has the room of a session say what holds now. Of two processes that write at once, the later revision stays: each looks
 * again after it has written.
 *
 * @throws CharlaError as `LiveKit.request`
 */
export async function updateRoomOf(
  {
    livekit,
    sessions,
    profiles,
    placed,
  }: Pick<ChangeDataToolsParts, 'livekit' | 'sessions' | 'profiles' | 'placed'>,
  changed: Session,
): Promise<void> {
  for (let now = changed; ; ) {
    try {
      await updateRoomMetadata(livekit, now.room, await metadataOf(now, profiles, placed));
    } catch (error) {
      if (isRoomGone(error)) return;
      throw error;
    }
    const latest = await sessions.get(now.id);
    if (latest === undefined || latest.revision <= now.revision) return;
    now = latest;
  }
}

export function createChangeDataTools(parts: ChangeDataToolsParts): ChangeDataTools {
  const { sessions, profiles, upkeep, inTurn } = parts;

  const changeStored = async (...[id, change, revisions, by]: Parameters<ChangeDataTools>) => {
    // Another process may change it between our reading and our writing; somebody always comes through.
    for (;;) {
      const before = await sessions.get(id);
      if (before === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      if (!isOpen(before)) throw new CharlaError('CHARLA_SESSION_ENDED', { id });
      if (revisions?.includes(before.revision) === false) {
        throw new CharlaError('CHARLA_SESSION_CHANGED', { id });
      }
      const check = await profileCheck(profiles, before.profile, { forPerson: by === 'participant' });
      const next = change(before.dataTools);
      check(next);
      const after = await sessions.replaceDataTools(id, before.revision, next, by);
      if (after !== undefined) return { before, after };
    }
  };

  const tellRoom = (changed: Session) => updateRoomOf(parts, changed);

  return (id, change, revisions, by) =>
    inTurn(id, async () => {
      const { before, after } = await changeStored(id, change, revisions, by);
      try {
        // After the store: an agent that hears of the change may fetch the data tools at once.
        await tellRoom(after);
      } catch (error) {
        // The room may have heard of it all the same: it is told what holds as soon as it can be.
        upkeep.later(id, async () => {
          const now = await sessions.get(id);
          if (now !== undefined && isOpen(now)) await tellRoom(now);
        });
        await sessions.replaceDataTools(id, after.revision, before.dataTools, by);
        throw error;
      }
      return after;
    });
}
