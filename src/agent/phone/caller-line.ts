import {
  DisconnectReason,
  ParticipantKind,
  type RemoteParticipant,
  type Room,
  RoomEvent,
} from '@livekit/rtc-node';
import { isTelephone, SIP_ATTRIBUTES } from '../../rooms/sip-participant.ts';
import { TOO_LATE, within } from '../../within.ts';

/** livekit-sip shows it with the participant, or a moment later. */
const STATUS_LIMIT_MS = 2_000;
/** A participant that lost its connection is back by then, or has hung up. */
const COME_BACK_MS = 5_000;
/** Whoever left for one of these does not come back. */
const FINAL: ReadonlySet<DisconnectReason> = new Set([
  DisconnectReason.CLIENT_INITIATED,
  DisconnectReason.PARTICIPANT_REMOVED,
  DisconnectReason.ROOM_DELETED,
  DisconnectReason.USER_UNAVAILABLE,
  DisconnectReason.USER_REJECTED,
  DisconnectReason.SIP_TRUNK_FAILURE,
  DisconnectReason.MEDIA_FAILURE,
]);

/** How the person is connected. */
export interface CallerLine {
  /** Who came first and is no agent; undefined when nobody comes any more. */
  readonly person: Promise<RemoteParticipant | undefined>;
  /**
   * Whether they hear us: true as soon as they are there, but at a telephone, which may ring first; false when nobody comes
   * any more, or they hung up before.
   */
  readonly answered: Promise<boolean>;
  /** Resolves when somebody at a telephone has hung up; never for others, who may come back. */
  readonly hungUp: Promise<void>;
}

/** @param connected - resolves when the room is joined */
export function watchCallerLine(room: Room, connected: Promise<unknown>): CallerLine {
  const person = connected.then(() => firstPerson(room));
  const hungUp = person.then((who) =>
    who !== undefined && isTelephone(who) ? hangsUp(room, who) : new Promise<void>(() => undefined),
  );
  const answered = person.then(async (who) => {
    if (who === undefined) return false;
    return Promise.race([picksUp(room, who), hungUp.then(() => false)]);
  });
  return { person, answered, hungUp };
}

function firstPerson(room: Room): Promise<RemoteParticipant | undefined> {
  const isPerson = ({ info }: RemoteParticipant) => info.kind !== ParticipantKind.AGENT;
  return new Promise((resolve) => {
    const done = (who: RemoteParticipant | undefined) => {
      room.off(RoomEvent.ParticipantConnected, onConnected);
      room.off(RoomEvent.Disconnected, onDisconnected);
      resolve(who);
    };
    const onConnected = (who: RemoteParticipant) => {
      if (isPerson(who)) done(who);
    };
    const onDisconnected = () => done(undefined);
    room.on(RoomEvent.ParticipantConnected, onConnected);
    room.on(RoomEvent.Disconnected, onDisconnected);
    const here = [...room.remoteParticipants.values()].find(isPerson);
    if (here !== undefined || !room.isConnected) done(here);
  });
}

/** @returns false when the room closes before */
async function picksUp(room: Room, who: RemoteParticipant): Promise<boolean> {
  if (!isTelephone(who)) return true;
  const heard = () => who.attributes[SIP_ATTRIBUTES.callStatus];
  if (heard() === 'active') return true;
  let stop = () => {};
  const told = new Promise<boolean>((resolve) => {
    const onAttributes = () => {
      if (heard() === 'active') resolve(true);
    };
    const onDisconnected = () => resolve(false);
    room.on(RoomEvent.ParticipantAttributesChanged, onAttributes);
    room.on(RoomEvent.Disconnected, onDisconnected);
    stop = () => {
      room.off(RoomEvent.ParticipantAttributesChanged, onAttributes);
      room.off(RoomEvent.Disconnected, onDisconnected);
    };
  });
  try {
    const soon = await within(STATUS_LIMIT_MS, told);
    if (soon !== TOO_LATE) return soon;
    // One that says nothing of the kind does not ring either.
    return heard() === undefined ? true : await told;
  } finally {
    stop();
  }
}

async function hangsUp(room: Room, who: RemoteParticipant): Promise<void> {
  for (;;) {
    const reason = await leaves(room, who);
    if (reason === undefined || FINAL.has(reason)) return;
    const back = new Promise<true>((resolve) => {
      const onConnected = ({ identity }: RemoteParticipant) => {
        if (identity !== who.identity) return;
        room.off(RoomEvent.ParticipantConnected, onConnected);
        resolve(true);
      };
      room.on(RoomEvent.ParticipantConnected, onConnected);
    });
    if ((await within(COME_BACK_MS, back)) !== true) return;
  }
}

/** @returns why; undefined when the room closed */
function leaves(room: Room, { identity }: RemoteParticipant): Promise<DisconnectReason | undefined> {
  return new Promise((resolve) => {
    const done = (reason: DisconnectReason | undefined) => {
      room.off(RoomEvent.ParticipantDisconnected, onLeft);
      room.off(RoomEvent.Disconnected, onDisconnected);
      resolve(reason);
    };
    const onLeft = (who: RemoteParticipant) => {
      // Without a word on why it is taken for the usual: a client that left.
      if (who.identity === identity) done(who.disconnectReason ?? DisconnectReason.CLIENT_INITIATED);
    };
    const onDisconnected = () => done(undefined);
    room.on(RoomEvent.ParticipantDisconnected, onLeft);
    room.on(RoomEvent.Disconnected, onDisconnected);
    if (!room.isConnected) return done(undefined);
    if (!room.remoteParticipants.has(identity)) done(DisconnectReason.CLIENT_INITIATED);
  });
}
