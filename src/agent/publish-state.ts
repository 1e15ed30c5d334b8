import type { Room } from '@livekit/rtc-node';
import type { Logger } from '../telemetry/log.ts';
import type { CallState } from './turns/call-state.ts';

/** Attribute of the agent's participant that holds the call's state. */
export const STATE_ATTRIBUTE = 'charla.state';

/** Shows the state of the call to everybody in the room. */
export function publishState(room: Room, state: CallState, log: Logger): void {
  room.localParticipant?.setAttributes({ [STATE_ATTRIBUTE]: state }).catch((error: unknown) => {
    log.debug({ err: error, state }, 'state not shown; the room is closing');
  });
}
