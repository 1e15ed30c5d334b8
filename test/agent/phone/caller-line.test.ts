import { DisconnectReason, ParticipantKind, RoomEvent } from '@livekit/rtc-node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchCallerLine } from '../../../src/agent/phone/caller-line.ts';
import { agentNamed, type TestParticipant, TestRoom } from '../room.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Person extends TestParticipant {
  disconnectReason?: DisconnectReason;
}

class LineRoom extends TestRoom {
  isConnected = true;

  come(person: Person): void {
    this.remoteParticipants.set(person.identity, person);
    this.emit(RoomEvent.ParticipantConnected, person);
  }

  show(person: Person, status: string): void {
    person.attributes['sip.callStatus'] = status;
    this.emit(RoomEvent.ParticipantAttributesChanged, { 'sip.callStatus': status }, person);
  }

  go(person: Person, reason?: DisconnectReason): void {
    this.remoteParticipants.delete(person.identity);
    this.emit(RoomEvent.ParticipantDisconnected, {
      ...person,
      ...(reason !== undefined && { disconnectReason: reason }),
    });
  }

  close(): void {
    this.isConnected = false;
    this.emit(RoomEvent.Disconnected);
  }
}

function sip(status?: string): Person {
  const attributes = status === undefined ? {} : { 'sip.callStatus': status };
  return { identity: 'sip_1', info: { kind: ParticipantKind.SIP }, attributes };
}

/** What is known of a line, as it becomes known. */
function watch(room: LineRoom) {
  const line = watchCallerLine(room.asRoom(), Promise.resolve());
  const known: { answered?: boolean; hungUp?: true } = {};
  void line.answered.then((answered) => Object.assign(known, { answered }));
  void line.hungUp.then(() => Object.assign(known, { hungUp: true }));
  /** After `ms`, and whatever follows from that. */
  const after = async (ms = 0) => {
    await vi.advanceTimersByTimeAsync(ms);
    return { ...known };
  };
  return { line, after };
}

it('a person in a browser is there at once, and may leave and come back', async () => {
  const room = new LineRoom();
  const { after } = watch(room);
  room.come(agentNamed('charla', 'agent-z'));
  expect(await after(60_000)).toEqual({});
  const ana = { identity: 'ana', info: { kind: ParticipantKind.STANDARD }, attributes: {} };
  room.come(ana);
  expect(await after()).toEqual({ answered: true });
  room.go(ana, DisconnectReason.CLIENT_INITIATED);
  expect(await after(60_000)).toEqual({ answered: true });
});

it.each(['ringing', 'dialing'])(
  'a telephone that shows «%s» is waited for until somebody answers',
  async (status) => {
    const room = new LineRoom();
    const caller = sip(status);
    room.remoteParticipants.set(caller.identity, caller);
    const { after } = watch(room);
    expect(await after(60_000)).toEqual({});
    room.show(caller, 'automation');
    expect(await after(1_000)).toEqual({});
    room.show(caller, 'active');
    expect(await after()).toEqual({ answered: true });
  },
);

it('a telephone that says nothing about itself does not ring, but one that says so late does', async () => {
  const silent = new LineRoom();
  silent.come(sip());
  const { after } = watch(silent);
  expect(await after(1_000)).toEqual({});
  expect(await after(1_000)).toEqual({ answered: true });

  const late = new LineRoom();
  const caller = sip();
  late.come(caller);
  const other = watch(late);
  await other.after(500);
  late.show(caller, 'ringing');
  expect(await other.after(60_000)).toEqual({});
});

it.each([
  DisconnectReason.CLIENT_INITIATED,
  DisconnectReason.USER_UNAVAILABLE,
  DisconnectReason.USER_REJECTED,
  undefined,
])('who leaves while it rings (%s) has not answered, and has hung up', async (reason) => {
  const room = new LineRoom();
  const caller = sip('ringing');
  room.come(caller);
  const { after } = watch(room);
  await after();
  room.go(caller, reason);
  expect(await after()).toEqual({ answered: false, hungUp: true });
});

it('a telephone of a gateway is one too', async () => {
  const room = new LineRoom();
  const caller: Person = {
    identity: 'phone',
    info: { kind: ParticipantKind.STANDARD },
    attributes: { 'sip.callID': 'c-1', 'sip.callStatus': 'active' },
  };
  room.come(caller);
  const { after } = watch(room);
  expect(await after()).toEqual({ answered: true });
  room.go(caller, DisconnectReason.CLIENT_INITIATED);
  expect(await after()).toEqual({ answered: true, hungUp: true });
});

it('a connection that broke is waited for a little', async () => {
  const room = new LineRoom();
  const caller = sip('active');
  room.come(caller);
  const { after } = watch(room);
  await after();
  room.go(caller, DisconnectReason.SIGNAL_CLOSE);
  expect(await after(4_000)).toEqual({ answered: true });
  room.come(caller);
  expect(await after(60_000)).toEqual({ answered: true });
  room.go(caller, DisconnectReason.SIGNAL_CLOSE);
  expect(await after(6_000)).toEqual({ answered: true, hungUp: true });
});

it('somebody else who comes and goes is not the caller', async () => {
  const room = new LineRoom();
  const caller = sip('active');
  room.come(caller);
  const { after } = watch(room);
  await after();
  const leg: Person = { ...sip('active'), identity: 'transfer' };
  room.come(leg);
  room.go(leg, DisconnectReason.CLIENT_INITIATED);
  expect(await after(60_000)).toEqual({ answered: true });
});

it('a room that closes before anybody came has nobody', async () => {
  const room = new LineRoom();
  const { line, after } = watch(room);
  await after();
  room.close();
  expect(await after()).toEqual({ answered: false });
  expect(await line.person).toBeUndefined();
});

it('a room that closes is a call that is over', async () => {
  const room = new LineRoom();
  room.come(sip('active'));
  const { after } = watch(room);
  await after();
  room.close();
  expect(await after()).toEqual({ answered: true, hungUp: true });
});
