import { voice } from '@livekit/agents';
import type { Logger } from '../../telemetry/log.ts';
import { askSession } from '../ask-session.ts';
import type { OpenSpeeches } from './open-speeches.ts';

const LOOK_EVERY_MS = 500;
/**
 * An answer of which nothing was heard for this long will not come: longer than the model's 6 s and the voice's 10 s,
 * which end in a sentence of their own.
 */
const LONGEST_THOUGHT_MS = 15_000;
/** A speech that an interruption paused goes on or ends sooner than this, ms after the caller fell silent. */
const LONGEST_PAUSE_MS = 5_000;
/** Words become a turn sooner than this, ms after they came. */
const LONGEST_TURN_END_MS = 6_000;

/** How the call got stuck. */
export type Stuck = 'no-answer' | 'paused-speech' | 'no-turn';

export interface WatchdogOptions {
  log: Logger;
  speeches: OpenSpeeches;
  /** Said when the agent had to give up an answer. */
  gaveUp: string;
  onStuck?: (how: Stuck) => void;
  /** Whether the caller is not answered any more, on purpose. */
  isLeaving?: () => boolean;
}

/**
 * Gets a call out of states that should have a way out and do not: an answer that never sounds (the framework goes on
 * `thinking` where an answer and the apology for it both fail), a speech that stays paused, words that never become a turn (the framework's waits hang when the machine's clock is set back). It acts only
 * while nobody speaks, and is heard or seen in the log.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #since: Partial<Record<Stuck, number>> = {};
  #words = '';
  #paused: voice.SpeechHandle | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  follow(session: voice.AgentSession): void {
    session.on(voice.AgentSessionEventTypes.UserInputTranscribed, ({ transcript, isFinal }) => {
      if (isFinal) this.#words = `${this.#words} ${transcript}`.trim();
      delete this.#since['no-turn'];
    });
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user') this.#words = '';
    });
    session.on(voice.AgentSessionEventTypes.AgentStateChanged, ({ oldState, newState }) => {
      const stopped = oldState === 'speaking' && newState !== 'speaking';
      this.#paused = stopped ? this.#options.speeches.first : undefined;
    });
    const timer = setInterval(() => this.#look(session), LOOK_EVERY_MS).unref();
    session.on(voice.AgentSessionEventTypes.Close, () => clearInterval(timer));
  }

  #look(session: voice.AgentSession): void {
    const { speeches, gaveUp, isLeaving, log } = this.#options;
    if (isLeaving?.() === true) {
      this.#words = '';
      return;
    }
    const speech = speeches.first;
    const quiet = session.userState !== 'speaking' && session.agentState !== 'speaking';
    const thinks = session.agentState === 'thinking';
    const waits = quiet && (speech !== undefined || thinks);
    const unanswered = quiet && speech === undefined && this.#words !== '';
    if (
      this.#lasts('paused-speech', waits && speech !== undefined && speech === this.#paused, LONGEST_PAUSE_MS)
    ) {
      this.#tell('paused-speech');
      speech?.interrupt(true);
    }
    if (this.#lasts('no-answer', waits, LONGEST_THOUGHT_MS)) {
      this.#tell('no-answer');
      speech?.interrupt(true);
      askSession(log, () => session.say(gaveUp, { addToChatCtx: false }));
    }
    if (this.#lasts('no-turn', unanswered, LONGEST_TURN_END_MS)) {
      this.#tell('no-turn');
      const userInput = this.#words;
      this.#words = '';
      askSession(log, () => {
        session.clearUserTurn();
        session.generateReply({ userInput });
      });
    }
  }

  #tell(how: Stuck): void {
    this.#options.log.error({ how }, 'the call was stuck; it goes on');
    this.#options.onStuck?.(how);
  }

  /** Whether something has been so for too long; then its time begins anew. */
  #lasts(how: Stuck, is: boolean, longestMs: number): boolean {
    const now = performance.now();
    const since = this.#since[how];
    if (!is) delete this.#since[how];
    else if (since === undefined) this.#since[how] = now;
    else if (now - since >= longestMs) {
      delete this.#since[how];
      return true;
    }
    return false;
  }
}
