import { type Participant, ParticipantKind, type Room, RoomEvent } from '@livekit/rtc-node';

const ATTRIBUTE_AGENT_NAME = 'lk.agent.name';

/**
 * Two agents of ours in one room would talk over each other. It happens when a dispatch is made anew because its job
 * seemed lost and then was not. Every agent applies the same rule, so exactly one stays: that with the first identity.
 *
 * @param leave - called, once, in the agent that has to go
 */
export function leaveToOther(room: Room, agentName: string, leave: () => void): void {
  const yields = (other: Participant) =>
    other.info.kind === ParticipantKind.AGENT &&
    other.attributes[ATTRIBUTE_AGENT_NAME] === agentName &&
    other.identity < (room.localParticipant?.identity ?? '');
  const onParticipant = (other: Participant) => {
    if (!yields(other)) return;
    room.off(RoomEvent.ParticipantConnected, onParticipant);
    leave();
  };
  room.on(RoomEvent.ParticipantConnected, onParticipant);
  for (const other of room.remoteParticipants.values()) onParticipant(other);
}
