import { ParticipantKind, RoomEvent } from '@livekit/rtc-node';
import { expect, it } from 'vitest';
import { leaveToOther } from '../../src/agent/only-agent.ts';
import { agentNamed, TestRoom } from './room.ts';

function join(room: TestRoom): () => number {
  let left = 0;
  leaveToOther(room.asRoom(), 'charla', () => {
    left += 1;
  });
  return () => left;
}

it('of two agents the one with the first identity stays, whoever came first', () => {
  const early = new TestRoom('agent-a');
  const late = new TestRoom('agent-b');
  const earlyLeft = join(early);
  late.remoteParticipants.set('agent-a', agentNamed('charla', 'agent-a'));
  const lateLeft = join(late);
  early.emit(RoomEvent.ParticipantConnected, agentNamed('charla', 'agent-b'));
  expect([earlyLeft(), lateLeft()]).toEqual([0, 1]);
});

it('people and agents of other names are no reason to leave', () => {
  const room = new TestRoom('agent-m');
  const left = join(room);
  room.emit(RoomEvent.ParticipantConnected, agentNamed('recorder', 'agent-a'));
  room.emit(RoomEvent.ParticipantConnected, {
    ...agentNamed('charla', 'ana'),
    info: { kind: ParticipantKind.STANDARD },
  });
  expect(left()).toBe(0);
});

it('leaves once', () => {
  const room = new TestRoom('agent-m');
  const left = join(room);
  for (const identity of ['agent-a', 'agent-b']) {
    room.emit(RoomEvent.ParticipantConnected, agentNamed('charla', identity));
  }
  expect(left()).toBe(1);
});
