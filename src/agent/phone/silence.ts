import { voice } from '@livekit/agents';

export interface SilenceOptions {
  /** Silence after which somebody is asked, ms; the first time, the session's `userAwayTimeout` counts. */
  afterMs: () => number;
  /** How often they are asked. */
  prompts: () => number;
  /** Whether something is under way that explains the agent's silence. */
  isBusy: () => boolean;
  /** Asks whether they are still there. */
  ask: () => void;
  /** They were asked often enough. */
  giveUp: () => void;
}

/**
 * Asks a person who has been silent for long whether they are still there, and gives up when they say nothing again. The
 * framework notes the first silence (its user state `away`; the agent's words keep it from coming, a slow tool does not); each
 * later one is counted from the end of the question.
 */
export class Silence {
  readonly #options: SilenceOptions;
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  follow(session: voice.AgentSession): void {
    const { AgentSessionEventTypes: on } = voice;
    session.on(on.UserStateChanged, ({ newState }) => {
      clearTimeout(this.#timer);
      if (newState === 'away') this.#silent();
    });
    session.on(on.AgentStateChanged, ({ newState }) => {
      clearTimeout(this.#timer);
      if (newState === 'listening' && session.userState === 'away') this.#waitOn();
    });
    // Noise is no sign of life; words are.
    session.on(on.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user') this.#asked = 0;
    });
    session.on(on.Close, () => clearTimeout(this.#timer));
  }

  #waitOn(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silent(), this.#options.afterMs());
  }

  #silent(): void {
    const { prompts, isBusy, ask, giveUp } = this.#options;
    if (isBusy()) {
      this.#waitOn();
    } else if (this.#asked < prompts()) {
      this.#asked += 1;
      ask();
    } else giveUp();
  }
}
