import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Config, Language } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import type { AgentWatch } from '../rooms/agent-watch.ts';
import { parseRoomMetadata } from '../rooms/metadata.ts';
import { closeRoom, openRoom, openRoomMetadata, updateRoomMetadata } from '../rooms/open-room.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import { phoneNumber } from '../sessions/phone-number.ts';
import { type ProfileCheck, profileCheck } from '../sessions/profile-check.ts';
import {
  FIRST_REVISION,
  isOpen,
  type NewSession,
  type Phone,
  personsNumber,
  type Session,
} from '../sessions/session.ts';
import {
  type ChangeDataTools,
  type ChangeDataToolsParts,
  createChangeDataTools,
  updateRoomOf,
} from './change-data-tools.ts';
import type { HookData, InitialData } from './hook-data.ts';
import { metadataOf, type RoomContent } from './room-content.ts';

export interface StartRequest {
  userId: string;
  dataTools?: DataTools;
  /** Whether the person's own client gave the data tools, and not a server. */
  isOwn?: boolean;
  profile?: string;
  language?: Language;
  /** How the person comes. @defaultValue browser */
  channel?: string;
  /** Of a telephone call. Its profile, unless one is given, is that of our number. */
  phone?: Phone;
}

/** Sessions and their rooms, kept in step. */
export interface Conversations {
  changeDataTools: ChangeDataTools;
  /**
   * A new session in a room of its own.
   *
   * @throws CharlaError as `LiveKit.request`, or `CHARLA_DATA_TOOLS_INVALID` where its profile has a schema; there is then
   *   no session
   */
  start(request: StartRequest): Promise<Session>;
  /**
   * A new session in a room for a call that we place, whose agent is asked for.
   *
   * @param call.reserve - keeps the call of the session, before the room opens; what it throws is thrown, and there is no
   *   session. False: there is such a call already
   * @returns undefined where `reserve` said false
   * @throws CharlaError as {@link Conversations.start}
   */
  startPlaced(
    request: StartRequest,
    call: { room: string; reserve: (session: Session) => Promise<boolean> },
  ): Promise<Session | undefined>;
  /** The call that we placed has begun: another agent in its room would begin another one. */
  placedCallBegan(id: string): Promise<void>;
  /**
   * The session of a named room, which is opened when it is not there.
   *
   * @throws CharlaError as `LiveKit.request`, or, with `opens: false`, `CHARLA_ROOM_CLOSED` when it is not there
   */
  join(request: StartRequest & { room: string; opens?: boolean }): Promise<Session>;
  /**
   * The session of somebody who names no room: in `LIVEKIT_ROOM`, or, while another user's session holds it, in a room
   * of their own; whoever comes back gets the same one while it is open.
   *
   * @throws CharlaError as `LiveKit.request`
   */
  joinDefault(request: StartRequest): Promise<Session>;
  /**
   * Ends a session and closes its room; one that is over stays as it is.
   *
   * @throws CharlaError `CHARLA_SESSION_NOT_FOUND`
   */
  end(id: string): Promise<Session>;
  /**
   * Forgets a session, with everything that hangs on it, and closes its room.
   *
   * @throws CharlaError `CHARLA_SESSION_NOT_FOUND`, `CHARLA_RECORDING_KEPT`
   */
  delete(id: string): Promise<void>;
}

export interface ConversationsParts extends ChangeDataToolsParts {
  config: Config;
  watch: AgentWatch;
  hookData: HookData;
}

/**
 * The room of a session younger than this may be about to be opened by another process, by whose clock it is that old,
 * and clocks differ, …
 */
const OPENING_MS = 60_000;
/** … which is waited for this long. */
const OPENING_WAIT_MS = 2_000;
const LOOK_AGAIN_MS = 50;

export function createConversations(parts: ConversationsParts): Conversations {
  const { config, livekit, sessions, profiles, placed, watch, upkeep, hookData, inTurn } = parts;
  const changeDataTools = createChangeDataTools(parts);

  const openRoomOf = async (session: RoomContent & Pick<Session, 'room'>) =>
    openRoom(livekit, {
      room: session.room,
      metadata: await metadataOf(session, profiles, placed),
      agentName: config.AGENT_NAME,
    });

  const open = async (session: Session) => {
    await openRoomOf(session);
    watch.watch(session.room);
    return session;
  };

  /** @param metadata - of the room as it is open; undefined: it is not */
  const bring = async (session: Session, metadata: string | undefined) => {
    const named = sessionIn(metadata);
    if (metadata !== undefined && named === undefined) {
      // Somebody else opened it: the watch brings the agent.
      await updateRoomMetadata(livekit, session.room, await metadataOf(session, profiles, placed));
      watch.watch(session.room);
      return session;
    }
    // The call of an earlier session is over, and its agent goes.
    if (named !== undefined && named.id !== session.id) await closeRoom(livekit, session.room);
    return open(session);
  };

  const look = async (room: string) => {
    const [known, metadata] = await Promise.all([sessions.getByRoom(room), openRoomMetadata(livekit, room)]);
    const named = sessionIn(metadata);
    const isThere = metadata !== undefined && (named === undefined || named.id === known?.id);
    return { known, metadata, named, isThere };
  };

  /** The profile of our end of a telephone call. */
  const profileForNumber = async (phone: Phone | null) => {
    const ours = phone?.direction === 'outbound' ? phone.caller : phone?.called;
    const number = phoneNumber(ours ?? '');
    return number === undefined ? undefined : profiles.forNumber(number);
  };

  const newSession = async (request: StartRequest, id: string, room: string): Promise<PreparedSession> => {
    const {
      userId,
      dataTools = {},
      isOwn = false,
      channel = 'browser',
      language = config.LANGUAGE,
      phone = null,
    } = request;
    const profile = request.profile ?? (await profileForNumber(phone)) ?? channel;
    const user = { userId, profile, channel, language };
    const [asked, check] = await Promise.all([
      hookData.initial({ ...user, phone: personsNumber(phone) }, { dataTools, isOwn }),
      profileCheck(profiles, profile, { forPerson: isOwn }),
    ]);
    const initial = checkedInitial(asked, request.dataTools, check);
    const wanted: NewSession = { id, room, ...user, phone, dataTools: initial.dataTools };
    return { wanted, initial };
  };

  const followHook = ({ id }: Session, initial: InitialData) =>
    hookData.follow(initial, (change) => changeDataTools(id, change, undefined, 'hook'));

  /** To be called in the room's turn. @returns undefined when another process took the room at the same time */
  const createIn = async ({ wanted, initial }: PreparedSession, metadata: string | undefined) => {
    const created = await sessions.create(wanted);
    if (created === undefined) return undefined;
    try {
      const brought = await bring(created, metadata);
      followHook(brought, initial);
      return brought;
    } catch (error) {
      await sessions.delete(created.id);
      throw error;
    }
  };

  /** To be called in the room's turn. */
  const enter = async (request: StartRequest & { room: string; opens?: boolean }) => {
    const { room, userId, opens = true } = request;
    // Again only when another process opens the room at the same time, or ended its session while we looked.
    for (const deadlineMs = Date.now() + OPENING_WAIT_MS; ; ) {
      const { known, metadata, named, isThere } = await look(room);
      if (metadata === undefined && !opens) throw new CharlaError('CHARLA_ROOM_CLOSED', { room });
      if (known !== undefined && isThere) {
        // A livekit-server that has started again has the room of who came back, and forgot what it is about.
        if (named === undefined) return bring(known, metadata);
        watch.watch(room);
        return known;
      }
      if (known !== undefined) {
        if (known.userId === userId) return bring(known, metadata);
        if (isYoung(known) && Date.now() < deadlineMs) {
          await sleep(LOOK_AGAIN_MS);
          continue;
        }
        await sessions.end(known.id);
      }
      const session = await createIn(await newSession(request, randomUUID(), room), metadata);
      if (session !== undefined) return session;
      // Another process was asked for the same room at the same time; its session is everybody's.
      const theirs = await sessions.getByRoom(room);
      if (theirs !== undefined && metadata === undefined) return open(theirs);
    }
  };

  /**
   * The session of a room that one user has alone. What may take long, the hook and the wait for another process, does
   * not hold up others who want the room.
   *
   * @returns undefined while another user has it
   */
  const enterAlone = async (request: StartRequest, room: string) => {
    const { userId } = request;
    const isTheirs = (session: { userId: string } | undefined) =>
      session !== undefined && session.userId !== userId;
    const lookUntilOpen = async () => {
      for (const deadlineMs = Date.now() + OPENING_WAIT_MS; ; await sleep(LOOK_AGAIN_MS)) {
        const seen = await look(room);
        const mayOpen = seen.known !== undefined && isTheirs(seen.known) && isYoung(seen.known);
        if (seen.metadata !== undefined || !mayOpen || Date.now() >= deadlineMs) return seen;
      }
    };
    const isTaken = ({ known, named, metadata }: Awaited<ReturnType<typeof look>>) =>
      metadata !== undefined && isTheirs(known ?? named);

    const seen = await lookUntilOpen();
    if (isTaken(seen)) return undefined;
    const isMine = seen.known !== undefined && !isTheirs(seen.known);
    const prepared = isMine ? undefined : await newSession(request, randomUUID(), room);
    return inTurn(room, async () => {
      const now = await look(room);
      // Whoever came since has the room, whether or not it is open yet.
      if (isTaken(now) || (isTheirs(now.known) && now.known?.id !== seen.known?.id)) return undefined;
      if (now.known?.userId === userId) {
        if (!now.isThere) return bring(now.known, now.metadata);
        watch.watch(room);
        return now.known;
      }
      if (now.known !== undefined) await sessions.end(now.known.id);
      const session = await createIn(
        prepared ?? (await newSession(request, randomUUID(), room)),
        now.metadata,
      );
      if (session !== undefined) return session;
      const theirs = await sessions.getByRoom(room);
      return theirs === undefined || isTheirs(theirs) ? undefined : open(theirs);
    });
  };

  return {
    changeDataTools,
    async start(request) {
      const id = randomUUID();
      const { wanted, initial } = await newSession(request, id, `charla-${id}`);
      // Nobody else knows of the room: the two need not wait for each other.
      const [created, opened] = await Promise.allSettled([
        sessions.create(wanted),
        openRoomOf({ ...wanted, revision: FIRST_REVISION }),
      ]);
      if (opened.status === 'rejected') {
        if (created.status === 'fulfilled') await sessions.delete(id);
        // It may be there, and only its answer was lost.
        upkeep.later(wanted.room, () => upkeep.close(wanted.room));
        throw opened.reason;
      }
      if (created.status === 'rejected' || created.value === undefined) {
        await upkeep.close(wanted.room);
        throw created.status === 'rejected' ? created.reason : new Error('a new id is in use already');
      }
      watch.watch(wanted.room);
      followHook(created.value, initial);
      return created.value;
    },

    async startPlaced(request, { room, reserve }) {
      const id = randomUUID();
      const { wanted, initial } = await newSession(request, id, room);
      const created = await sessions.create(wanted);
      if (created === undefined) throw new Error('a new id is in use already');
      try {
        if (!(await reserve(created))) {
          await sessions.delete(id);
          return undefined;
        }
        await openRoomOf(created);
      } catch (error) {
        await sessions.delete(id);
        upkeep.later(room, () => upkeep.close(room));
        throw error;
      }
      watch.watch(room);
      followHook(created, initial);
      return created;
    },

    async placedCallBegan(id) {
      const tell = async () => {
        const session = await sessions.get(id);
        if (session !== undefined && isOpen(session)) await updateRoomOf(parts, session);
      };
      try {
        await inTurn(id, tell);
      } catch {
        upkeep.later(id, tell);
      }
    },

    join(request) {
      return inTurn(request.room, () => enter(request));
    },

    joinDefault(request) {
      const room = config.LIVEKIT_ROOM;
      const own = ownRoom(room, request.userId);
      // One user's requests come one after another, and end in one session; nobody waits for other users.
      return inTurn(own, async () => {
        const isOwnOpen = (await openRoomMetadata(livekit, own)) !== undefined;
        const session = isOwnOpen ? undefined : await enterAlone(request, room);
        return session ?? enter({ ...request, room: own });
      });
    },

    async end(id) {
      const ended = await sessions.end(id);
      const session = await sessions.get(id);
      if (session === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      if (ended) await upkeep.close(session.room);
      return session;
    },

    async delete(id) {
      const room = await sessions.delete(id);
      if (room === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      await upkeep.close(room);
    },
  };
}

interface PreparedSession {
  wanted: NewSession;
  initial: InitialData;
}

/** The session that a room's metadata names. */
function sessionIn(metadata: string | undefined) {
  return metadata === undefined ? undefined : parseRoomMetadata(metadata)?.session;
}

/** Whether another process may still be opening the room. */
function isYoung({ status, createdAt }: Session): boolean {
  return status === 'created' && Date.now() - createdAt.getTime() < OPENING_MS;
}

/**
 * What a session begins with, as its profile wants it. Who starts it answers for what they give; the hook's answer is left
 * out where it does not keep to the schema, and a session may begin with nothing.
 *
 * @throws CharlaError `CHARLA_DATA_TOOLS_INVALID`
 */
function checkedInitial(
  initial: InitialData,
  given: DataTools | undefined,
  check: ProfileCheck,
): InitialData {
  if (given === undefined && Object.keys(initial.dataTools).length === 0) return initial;
  try {
    check(initial.dataTools, '/data_tools');
    return initial;
  } catch (error) {
    if (given !== undefined && isDeepStrictEqual(initial.dataTools, given)) throw error;
    if (given !== undefined) check(given, '/data_tools');
    return { ...initial, dataTools: given ?? {} };
  }
}

/** Always the same for one user, and says nothing about them: names of rooms stand in the log. */
function ownRoom(room: string, userId: string): string {
  return `${room}-${createHash('sha256').update(userId).digest('hex').slice(0, 32)}`;
}
