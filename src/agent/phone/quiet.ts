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
 * @param options.noiseMs - how long something may sound like a voice after the agent's last word without a word coming of
 *   it; from then on it is taken for a street or a television. @defaultValue for ever
 */
export async function waitForQuiet(
  { session, speeches, awaitsWords }: QuietOptions,
  {
    ms,
    noiseMs = Number.POSITIVE_INFINITY,
    signal,
  }: { ms: number; noiseMs?: number | undefined; signal: AbortSignal },
): Promise<Quiet> {
  const { ConversationItemAdded, UserInputTranscribed } = voice.AgentSessionEventTypes;
  let spoke = false;
  let noisyMs = 0;
  const onWords = ({ transcript }: voice.UserInputTranscribedEvent) => {
    if (transcript.trim() !== '') noisyMs = 0;
  };
  const onItem = ({ item }: voice.ConversationItemAddedEvent) => {
    spoke ||= item.type === 'message' && item.role === 'user';
  };
  session.on(ConversationItemAdded, onItem);
  session.on(UserInputTranscribed, onWords);
  try {
    let quietMs = 0;
    while (quietMs < ms) {
      if (signal.aborted) return 'closed';
      if (spoke) return 'caller-spoke';
      const speaks =
        speeches.first !== undefined ||
        session.agentState === 'speaking' ||
        session.agentState === 'thinking';
      const isNoisy = session.userState === 'speaking' || awaitsWords();
      if (speaks) noisyMs = 0;
      else if (isNoisy) noisyMs += LOOK_EVERY_MS;
      const busy = speaks || (isNoisy && noisyMs <= noiseMs);
      quietMs = busy ? 0 : quietMs + LOOK_EVERY_MS;
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    }
    return signal.aborted ? 'closed' : 'quiet';
  } finally {
    session.off(ConversationItemAdded, onItem);
    session.off(UserInputTranscribed, onWords);
  }
}
