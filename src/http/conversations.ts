import { createHash, randomUUID } from 'node:crypto';
import type { Config, Language } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import type { AgentWatch } from '../rooms/agent-watch.ts';
import { isRoomGone, type LiveKit } from '../rooms/livekit.ts';
import { encodeRoomMetadata, parseRoomMetadata } from '../rooms/metadata.ts';
import { openRoom, openRoomMetadata, updateRoomMetadata } from '../rooms/open-room.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import { isOpen, type Session } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { isDuplicate } from '../store/store-error.ts';

export interface StartRequest {
  userId: string;
  dataTools?: DataTools;
  profile?: string;
  language?: Language;
}

/** Sessions and their rooms, kept in step. */
export interface Conversations {
  /** A new session in a room of its own. @throws CharlaError as `LiveKit.request`; there is then no session */
  start(request: StartRequest): Promise<Session>;
  /** The session of a named room, which is opened when it is not there. @throws CharlaError as `LiveKit.request` */
  join(request: StartRequest & { room: string }): Promise<Session>;
  /**
   * The session of somebody who names no room: in `LIVEKIT_ROOM`, or, while another user's session holds it, in a room
   * of their own; whoever comes back gets the same one while it is open.
   *
   * @throws CharlaError as `LiveKit.request`
   */
  joinDefault(request: StartRequest): Promise<Session>;
  /**
   * Changes the data tools of a session and of its room. Of changes at the same time, here or in another process, none
   * is lost.
   *
   * @param change - makes the new data tools of the current ones, perhaps more than once; what it throws is thrown, and
   *   nothing has changed
   * @param revision - the one that the change was made for; any unless given
   * @throws CharlaError `CHARLA_SESSION_NOT_FOUND`, `CHARLA_SESSION_ENDED`, `CHARLA_SESSION_CHANGED`, or as
   *   `LiveKit.request`, and nothing has changed
   */
  changeDataTools(id: string, change: (current: DataTools) => DataTools, revision?: number): Promise<Session>;
}

export function createConversations(
  config: Config,
  livekit: LiveKit,
  sessions: SessionStore,
  watch: AgentWatch,
): Conversations {
  const inTurn = createTurns();

  const open = async (session: Session) => {
    const { room } = session;
    await openRoom(livekit, { room, metadata: roomMetadata(session), agentName: config.AGENT_NAME });
    watch.watch(room);
    return session;
  };

  /** Puts the metadata into a room that somebody else opened; the watch brings the agent. */
  const adopt = async (session: Session) => {
    await updateRoomMetadata(livekit, session.room, roomMetadata(session));
    watch.watch(session.room);
    return session;
  };

  const createIn = async (bring: typeof open, request: StartRequest, id: string, room: string) => {
    const wanted = {
      id,
      room,
      userId: request.userId,
      profile: request.profile ?? 'browser',
      channel: 'browser',
      language: request.language ?? config.LANGUAGE,
      dataTools: request.dataTools ?? {},
    };
    const session = await sessions.create(wanted).catch(async (error: unknown) => {
      // Another process was asked for the same room at the same time; its session is everybody's.
      const theirs = isDuplicate(error) ? await sessions.getByRoom(room) : undefined;
      if (theirs === undefined) throw error;
      return theirs;
    });
    if (session.id !== id) return session;
    try {
      return await bring(session);
    } catch (error) {
      await sessions.delete(id);
      throw error;
    }
  };

  /** To be called in the room's turn. */
  const enter = async (request: StartRequest & { room: string }) => {
    const { room, userId } = request;
    const [known, metadata] = await Promise.all([sessions.getByRoom(room), openRoomMetadata(livekit, room)]);
    if (metadata === undefined) {
      if (known?.userId === userId) return open(known);
      if (known !== undefined) await sessions.end(known.id);
      return createIn(open, request, randomUUID(), room);
    }
    if (known === undefined) return createIn(adopt, request, randomUUID(), room);
    watch.watch(room);
    return known;
  };

  const changeStored = async (
    id: string,
    change: (current: DataTools) => DataTools,
    revision: number | undefined,
  ) => {
    // Another process may change it between our reading and our writing; somebody always comes through.
    for (;;) {
      const before = await sessions.get(id);
      if (before === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      if (!isOpen(before)) throw new CharlaError('CHARLA_SESSION_ENDED', { id });
      if (revision !== undefined && revision !== before.revision) {
        throw new CharlaError('CHARLA_SESSION_CHANGED', { id });
      }
      const after = await sessions.replaceDataTools(id, before.revision, change(before.dataTools));
      if (after !== undefined) return { before, after };
    }
  };

  /** Of two processes that write at once, the later revision stays: each looks again after it has written. */
  const tellRoom = async (changed: Session) => {
    for (let told: Session | undefined, now: Session | undefined = changed; now !== undefined; ) {
      try {
        await updateRoomMetadata(livekit, now.room, roomMetadata(now));
      } catch (error) {
        if (isRoomGone(error)) return;
        throw error;
      }
      told = now;
      const latest = await sessions.get(changed.id);
      now = latest !== undefined && latest.revision > told.revision ? latest : undefined;
    }
  };

  return {
    start(request) {
      const id = randomUUID();
      return createIn(open, request, id, `charla-${id}`);
    },

    join(request) {
      return inTurn(request.room, () => enter(request));
    },

    joinDefault(request) {
      const room = config.LIVEKIT_ROOM;
      const own = ownRoom(room, request.userId);
      return inTurn(room, async () => {
        const [shared, mine] = await Promise.all([
          openRoomMetadata(livekit, room),
          openRoomMetadata(livekit, own),
        ]);
        const holder = shared === undefined ? undefined : parseRoomMetadata(shared)?.session.userId;
        const isTaken = holder !== undefined && holder !== request.userId;
        if (isTaken || mine !== undefined) return inTurn(own, () => enter({ ...request, room: own }));
        return enter({ ...request, room });
      });
    },

    changeDataTools(id, change, revision) {
      return inTurn(id, async () => {
        const { before, after } = await changeStored(id, change, revision);
        try {
          // After the store: an agent that hears of the change may fetch the data tools at once.
          await tellRoom(after);
        } catch (error) {
          await sessions.replaceDataTools(id, after.revision, before.dataTools);
          throw error;
        }
        return after;
      });
    },
  };
}

function roomMetadata({ id, userId, profile, channel, language, dataTools, revision }: Session): string {
  return encodeRoomMetadata({ session: { id, userId, profile, channel, language }, dataTools, revision });
}

/** Always the same for one user, and says nothing about them: names of rooms stand in the log. */
function ownRoom(room: string, userId: string): string {
  return `${room}-${createHash('sha256').update(userId).digest('hex').slice(0, 32)}`;
}

/** Runs what has the same key one after another. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return <T>(key: string, run: () => Promise<T>): Promise<T> => {
    const turn = (last.get(key) ?? Promise.resolve()).then(run, run);
    last.set(key, turn);
    const forget = () => {
      if (last.get(key) === turn) last.delete(key);
    };
    turn.then(forget, forget);
    return turn;
  };
}
