import { voice } from '@livekit/agents';

/** What is believed of a caller who was not heard yet: most pause for less than this inside a turn, ms. */
const PRIOR_MS: readonly number[] = [350, 450, 650, 650];
/** Turns that count, the newest ones. */
const REMEMBERED = 12;
/** Of four turns, three keep within it. */
const QUANTILE = 0.75;
/** Over the longest pause that is to be bridged, ms. */
const MARGIN_MS = 50;
/**
 * A pause of 600 ms is so common that nobody is trusted to make none. It costs little: the answer is prepared meanwhile.
 */
const TYPICAL_MS = { min: 650, max: 1_200 };
/** A longer silence is not a pause in a sentence, ms. */
const LONGEST_MS = 2_500;
/** What a turn without a pause counts as, ms. */
const NO_PAUSE_MS = 300;
/** Who speaks this soon after the agent's first sound was only going on, ms. */
const GOES_ON_MS = 300;
/** Turns in which a turn that was taken too early still counts. */
const RECENT_TURNS = 4;

interface Turn {
  longestMs: number;
  /** Whether the caller went on after the agent thought that the turn was over. */
  cutShort: boolean;
}

/**
 * How long this caller pauses inside a turn, learned turn by turn: each turn tells its longest pause, and the next waits
 * are long enough for three of four. It begins with what is usual. All times are monotonic, in ms.
 *
 * A pause is measured as the wait that would have bridged it: from the last speech to where new speech was noticed.
 */
export class Pauses {
  readonly #turns: Turn[] = PRIOR_MS.map((longestMs) => ({ longestMs, cutShort: false }));
  #longestMs = 0;
  #cutShort = false;
  #committed = false;
  #quietSince: number | undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** @param silenceMs - after which the session's VAD tells that speech has ended */
  follow(session: voice.AgentSession, silenceMs: number): void {
    session.on(voice.AgentSessionEventTypes.UserStateChanged, ({ newState }) => {
      if (newState === 'speaking') this.speechBegan(performance.now());
      if (newState === 'listening') this.speechEnded(performance.now() - silenceMs);
    });
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user') this.committed();
    });
    session.on(voice.AgentSessionEventTypes.AgentStateChanged, ({ newState }) => {
      if (newState === 'speaking') this.answered(performance.now());
    });
  }

  speechBegan(at: number): void {
    const pauseMs = at - (this.#quietSince ?? Number.NEGATIVE_INFINITY);
    this.#quietSince = undefined;
    if (pauseMs < 0 || pauseMs > LONGEST_MS) return;
    if (at - this.#answeredAt < GOES_ON_MS) {
      this.#remember({ longestMs: pauseMs, cutShort: true });
      return;
    }
    this.#longestMs = Math.max(this.#longestMs, pauseMs);
    this.#cutShort ||= this.#committed;
  }

  speechEnded(at: number): void {
    this.#quietSince = at;
  }

  /** The agent took the turn; nothing of the answer was heard yet. */
  committed(): void {
    this.#committed = true;
  }

  /** The agent is heard. */
  answered(at: number): void {
    if (!this.#committed) {
      this.#quietSince = undefined;
      return;
    }
    this.#remember({ longestMs: Math.max(NO_PAUSE_MS, this.#longestMs), cutShort: this.#cutShort });
    this.#longestMs = 0;
    this.#cutShort = false;
    this.#committed = false;
    this.#answeredAt = at;
  }

  /** A wait that bridges most of this caller's pauses, ms. */
  get typicalMs(): number {
    const sorted = this.#turns.map(({ longestMs }) => longestMs).sort((a, b) => a - b);
    const most = sorted[Math.ceil(QUANTILE * sorted.length) - 1] ?? TYPICAL_MS.max;
    const bridging = Math.max(most, this.#longestMs) + MARGIN_MS;
    return Math.min(TYPICAL_MS.max, Math.max(TYPICAL_MS.min, bridging));
  }

  /** How many of the latest turns were taken before the caller had finished. */
  get cutShort(): number {
    return this.#turns.slice(-RECENT_TURNS).filter((turn) => turn.cutShort).length + Number(this.#cutShort);
  }

  #remember(turn: Turn): void {
    this.#turns.push(turn);
    if (this.#turns.length > REMEMBERED) this.#turns.shift();
  }
}
