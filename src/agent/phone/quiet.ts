import { setTimeout as sleep } from 'node:timers/promises';
import { voice } from '@livekit/agents';
import type { OpenSpeeches } from '../turns/open-speeches.ts';

const LOOK_EVERY_MS = 50;

export interface QuietOptions {
  session: voice.AgentSession;
  speeches: OpenSpeeches;
  /** Whether the caller's last words are still being transcribed. */
  awaitsWords: () => boolean;
}

/** How a wait for quiet ended. */
export type Quiet = 'quiet' | 'caller-spoke' | 'closed';

/**
 * Waits until all that the agent has to say was heard, and nobody has said anything for a while: noise that no words came
 * of does not count.
 *
 * @param options.ms - how long it has to be quiet
 */
export async function waitForQuiet(
  { session, speeches, awaitsWords }: QuietOptions,
  { ms, signal }: { ms: number; signal: AbortSignal },
): Promise<Quiet> {
  let spoke = false;
  const onItem = ({ item }: voice.ConversationItemAddedEvent) => {
    spoke ||= item.type === 'message' && item.role === 'user';
  };
  session.on(voice.AgentSessionEventTypes.ConversationItemAdded, onItem);
  try {
    let quietMs = 0;
    while (quietMs < ms) {
      if (signal.aborted) return 'closed';
      if (spoke) return 'caller-spoke';
      const busy =
        speeches.first !== undefined ||
        session.agentState === 'speaking' ||
        session.agentState === 'thinking' ||
        session.userState === 'speaking' ||
        awaitsWords();
      quietMs = busy ? 0 : quietMs + LOOK_EVERY_MS;
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    }
    return signal.aborted ? 'closed' : 'quiet';
  } finally {
    session.off(voice.AgentSessionEventTypes.ConversationItemAdded, onItem);
  }
}
