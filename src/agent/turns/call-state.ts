import type { voice } from '@livekit/agents';

/** What a call is doing, as people who run telephone agents name it. */
export type CallState = 'LISTENING' | 'PROCESSING' | 'SPEAKING' | 'INTERRUPTED';

export const FIRST_STATE: CallState = 'LISTENING';

/** What moves a call from one state to another. */
export type CallEvent =
  /** The agent's own state changed; whether the caller was speaking then. */
  | { type: 'agent'; state: voice.AgentState; callerSpeaks: boolean }
  /** The agent's sound goes on where the caller stopped it; the agent's own state may follow later. */
  | { type: 'resumed' }
  /** The caller has been heard out: they took the turn, or it was nothing. */
  | { type: 'interruption-over' };

/**
 * The state after an event. It follows the agent's own, and tells apart the two reasons for its silence: it has said
 * what it had to say, or the caller speaks over it and is being heard out. The second ends with whatever comes next.
 */
export function nextState(state: CallState, event: CallEvent): CallState {
  if (event.type !== 'agent') {
    if (state !== 'INTERRUPTED') return state;
    return event.type === 'resumed' ? 'SPEAKING' : 'LISTENING';
  }
  switch (event.state) {
    case 'speaking':
      return 'SPEAKING';
    case 'thinking':
      return 'PROCESSING';
    default:
      if (state === 'SPEAKING' && event.callerSpeaks) return 'INTERRUPTED';
      return state === 'INTERRUPTED' ? state : 'LISTENING';
  }
}
