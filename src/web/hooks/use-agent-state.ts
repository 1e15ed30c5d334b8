import { useVoiceAssistant } from '@livekit/components-react';
import type { Messages } from '../i18n/messages.ts';
import { useCall } from './use-services.tsx';

export type StageState = keyof Messages['state'];

/** One word for what is going on: the call's phase, and the agent's own state once it is there. */
export function useAgentState(): StageState {
  const phase = useCall((state) => state.phase);
  const { agent, state } = useVoiceAssistant();
  if (phase !== 'live') return phase;
  if (!agent) return 'waiting-agent';
  switch (state) {
    case 'listening':
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
