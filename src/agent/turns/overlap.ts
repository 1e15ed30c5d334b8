import { voice } from '@livekit/agents';
import type { Backchannels } from '../prompts.ts';
import { isBackchannel } from './backchannel.ts';

/**
 * Remembers whether the caller began to speak over the agent, and says which of their words do not take the turn: the
 * agent, which went quiet at the first sound, then goes on where it stopped.
 */
export class Overlap {
  readonly #words: Backchannels;
  #overAgent = false;
  #agentText = '';

  constructor(words: Backchannels) {
    this.#words = words;
  }

  follow(session: voice.AgentSession): void {
    session.on(voice.AgentSessionEventTypes.UserStateChanged, ({ newState }) => {
      // Told before the agent is paused by that very speech. What is said while it is paused is over it as well.
      if (newState === 'speaking') this.#overAgent ||= session.agentState === 'speaking';
    });
    session.on(voice.AgentSessionEventTypes.AgentFalseInterruption, () => {
      this.#overAgent = false;
    });
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      // An agent's message is added when it ends: said, or cut off.
      if (item.type === 'message' && item.role === 'assistant') {
        this.#overAgent = false;
        this.#agentText = '';
      }
    });
  }

  /** Told the agent's words as they are made. */
  agentSays(text: string): void {
    this.#agentText += text;
  }

  /** Whether a transcript is to be treated as if nobody had spoken. */
  ignores(transcript: string): boolean {
    return this.#overAgent && isBackchannel(transcript, this.#words, this.#agentText.includes('?'));
  }
}
