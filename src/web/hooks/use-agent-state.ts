import { type AgentState, useVoiceAssistant } from '@livekit/components-react';
import type { Messages } from '../i18n/messages.ts';
import { useCall } from './use-services.tsx';

export type StageState = keyof Messages['state'];

/** One word for what is going on: the call's phase, and once the agent is there its state. */
export function useAgentState(): StageState {
  const phase = useCall((state) => state.phase);
  const { agent, state, agentAttributes } = useVoiceAssistant();
  if (phase !== 'live') return phase;
  if (!agent) return 'waiting-agent';
  return wordFor(state, agentAttributes?.['charla.state']);
}

/**
 * @param state - the agent's own state, as LiveKit has it
 * @param callState - attribute `charla.state`: tells whom the agent listens to, the one whose turn it is or who interrupted it
 */
export function wordFor(state: AgentState, callState: string | undefined): StageState {
  switch (state) {
    case 'listening':
      return callState === 'INTERRUPTED' ? 'interrupted' : 'listening';
    case 'thinking':
    case 'speaking':
    case 'failed':
      return state;
    case 'pre-connect-buffering':
      return 'listening';
    case 'idle':
      return 'idling';
    default:
      return 'initializing';
  }
}
