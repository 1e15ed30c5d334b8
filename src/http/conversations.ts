import { createHash, randomUUID } from 'node:crypto';
import type { Config, Language } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import type { AgentWatch } from '../rooms/agent-watch.ts';
import { isRoomGone, type LiveKit } from '../rooms/livekit.ts';
import { encodeRoomMetadata, parseRoomMetadata } from '../rooms/metadata.ts';
import { openRoom, openRoomMetadata, updateRoomMetadata } from '../rooms/open-room.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import type { Session, SessionStore } from '../sessions/session-store.ts';

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
   * Changes the data tools of a session and of its room; changes of one session happen one after another.
   *
   * @param change - makes the new data tools of the current ones; what it throws is thrown, and nothing has changed
   * @throws CharlaError `CHARLA_SESSION_NOT_FOUND`, or as `LiveKit.request`, and nothing has changed
   */
  changeDataTools(id: string, change: (current: DataTools) => DataTools): Promise<Session>;
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
    const session = await sessions.create({
      id,
      room,
      userId: request.userId,
      profile: request.profile ?? 'browser',
      channel: 'browser',
      language: request.language ?? config.LANGUAGE,
      dataTools: request.dataTools ?? {},
    });
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
      if (known !== undefined) await sessions.delete(known.id);
      return createIn(open, request, randomUUID(), room);
    }
    const described = parseRoomMetadata(metadata);
    if (described === undefined) return createIn(adopt, request, randomUUID(), room);
    watch.watch(room);
    if (known?.id === described.session.id) return known;
    // The room outlived the process that opened it, and with it what was known of its session.
    return sessions.create({ ...described.session, room, dataTools: described.dataTools ?? {} });
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

    changeDataTools(id, change) {
      return inTurn(id, async () => {
        const before = await sessions.get(id);
        const after = before && (await sessions.updateDataTools(id, change(before.dataTools)));
        if (before === undefined || after === undefined) {
          throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
        }
        try {
          // After the store: an agent that hears of the change may fetch the data tools at once.
          await updateRoomMetadata(livekit, after.room, roomMetadata(after));
        } catch (error) {
          if (!isRoomGone(error)) {
            await sessions.updateDataTools(id, before.dataTools);
            throw error;
          }
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
