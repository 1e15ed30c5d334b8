import { RoomEvent } from '@livekit/rtc-node';
import type { Caller } from '../../test/support/caller.ts';

/** The agent's state as its participant's attribute `lk.agent.state` told it, with the moment it reached the caller. */
export interface AgentState {
  state: string;
  /** ms of `performance.now()`. */
  at: number;
}

/**
 * Notes every state of the agent from now on. `thinking` comes when a turn of the caller's was committed: words spoken
 * after it are a new turn.
 */
export function watchAgentStates(caller: Caller): readonly AgentState[] {
  const states: AgentState[] = [];
  caller.room.on(RoomEvent.ParticipantAttributesChanged, (changed) => {
    const state = changed['lk.agent.state'];
    if (state !== undefined) states.push({ state, at: performance.now() });
  });
  return states;
}

/** Whether the agent took a turn of the caller's as over within a span, ms of `performance.now()`. */
export function committedWithin(states: readonly AgentState[], from: number, to: number): boolean {
  return states.some(({ state, at }) => state === 'thinking' && at >= from && at < to);
}
