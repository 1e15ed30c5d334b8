import { type metrics, voice } from '@livekit/agents';
import type { Language } from '../config/config.ts';
import type { Channel, RecordMetric } from '../telemetry/call-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import { type CallEvent, type CallState, FIRST_STATE, nextState } from './turns/call-state.ts';

/** After so much silence the caller's voice is a new one, ms. */
const NEW_VOICE_MS = 200;

/** What a turn's report says beside its stages. */
export interface TurnTimes {
  /** Caller's first sound over the agent to the agent's silence; the last time in this turn. */
  bargeInMs?: number;
  /** Time in each state since the last turn; a state that it was not in is absent. */
  statesMs: Partial<Record<CallState, number>>;
}

export interface CallObserverOptions {
  language: Language;
  channel: Channel;
  record: RecordMetric;
  log: Logger;
  /** Told of each new state. */
  onState: (state: CallState) => void;
}

/** Follows one call by its session's events: its state, its metrics, and the lines of the log about its turns. */
export class CallObserver {
  readonly #options: CallObserverOptions;
  readonly #states: StateClock = new StateClock();
  /** The caller's voice as it began, and the agent's sound as it stopped for it; ms of `performance.now()`. */
  #voice: { beganAt: number; lastAt: number; silencedAt?: number } | undefined;
  /** The interruption whose outcome is not known yet. */
  #interruption: { backchannel: boolean } | undefined;
  #bargeInMs: number | undefined;

  constructor(options: CallObserverOptions) {
    this.#options = options;
  }

  get state(): CallState {
    return this.#states.state;
  }

  /** Caller's first sound over the agent to the agent's silence, ms; the last time since the times were taken. */
  get bargeInMs(): number | undefined {
    return this.#bargeInMs;
  }

  /** Listens to a session, which has not started yet. */
  follow(session: voice.AgentSession): void {
    const { record, log, language, channel } = this.#options;
    const { AgentSessionEventTypes: on } = voice;
    session.on(on.AgentStateChanged, ({ newState }) => {
      this.#happened({ type: 'agent', state: newState, callerSpeaks: session.userState === 'speaking' });
    });
    session.on(on.UserStateChanged, ({ newState }) => {
      if (newState === 'speaking') log.debug({ state: this.state }, 'speech detected');
    });
    session.on(on.AgentFalseInterruption, ({ resumed }) => {
      log.debug({ resumed }, 'the interruption was none');
      this.#interruptionWas(this.#interruption?.backchannel ? 'backchannel' : 'false');
    });
    session.on(on.SpeechCreated, ({ speechHandle }) => {
      speechHandle.addDoneCallback(() => {
        if (speechHandle.interrupted) this.#interruptionWas('true');
        // Sound that went on by itself ends without a change of the agent's state.
        else this.#happened({ type: 'agent', state: session.agentState, callerSpeaks: false });
      });
    });
    session.on(on.ConversationItemAdded, ({ item }) => {
      if (item.type !== 'message') return;
      const { endOfTurnDelay, e2eLatency } = item.metrics;
      if (endOfTurnDelay !== undefined) record('end_of_turn_seconds', endOfTurnDelay, { language });
      if (e2eLatency !== undefined) record('voice_to_voice_seconds', e2eLatency, { language, channel });
    });
    session.on(on.MetricsCollected, ({ metrics }) => this.#measured(metrics));
    session.on(on.Error, ({ error }) => {
      const kind = failedKind(error instanceof Error ? undefined : error.type);
      if (kind !== undefined) record('provider_failures_total', 1, { kind });
    });
  }

  /** Told that somebody came into the room. */
  callBegan(): void {
    const { record, language, channel } = this.#options;
    record('calls_total', 1, { language, channel });
  }

  /**
   * Told of each window of sound that holds a voice.
   *
   * @param agoMs - how long it has gone on without a break, with the time that the sound took to be looked at
   * @param held - whether the agent's sound stops for it at once
   */
  callerVoice(agoMs: number, held: boolean): void {
    const now = performance.now();
    const beganAt = now - agoMs;
    if (this.#voice === undefined || beganAt - this.#voice.lastAt > NEW_VOICE_MS) {
      this.#voice = { beganAt, lastAt: now };
    }
    this.#voice.lastAt = now;
    if (held) this.#voice.silencedAt ??= now;
  }

  /** Told that the agent's sound goes on: what the caller said was nothing, or an «ajá». */
  resumed(): void {
    if (this.state !== 'INTERRUPTED') return;
    this.#happened({ type: 'resumed' });
    this.#interruptionWas(this.#interruption?.backchannel ? 'backchannel' : 'false');
  }

  /** Told that what the caller says over the agent is only a listener's «ajá». */
  heardBackchannel(): void {
    if (this.#interruption !== undefined) this.#interruption.backchannel = true;
  }

  /** The times since they were last taken. */
  takeTurn(): TurnTimes {
    const bargeInMs = this.#bargeInMs;
    this.#bargeInMs = undefined;
    return { ...(bargeInMs !== undefined && { bargeInMs }), statesMs: this.#states.take() };
  }

  #happened(event: CallEvent): void {
    const before = this.state;
    const state = nextState(before, event);
    if (state === before) return;
    const since = this.#states.enter(state);
    if (state === 'INTERRUPTED') this.#interrupted(since);
    this.#options.onState(state);
  }

  #interrupted(speakingSince: number): void {
    const { record, log, language, channel } = this.#options;
    // One whose end nobody told of was followed by an answer.
    this.#countInterruption('true');
    this.#interruption = { backchannel: false };
    const now = performance.now();
    const { beganAt, silencedAt = now } = this.#voice ?? { beganAt: now };
    // Who spoke before the agent did is spoken over only from then on.
    const overMs = Math.max(0, silencedAt - Math.max(beganAt, speakingSince));
    this.#bargeInMs = Math.round(overMs);
    record('barge_in_seconds', overMs / 1000, { language, channel });
    log.info({ bargeInMs: this.#bargeInMs }, 'playback interrupted');
  }

  #interruptionWas(kind: 'true' | 'false' | 'backchannel'): void {
    this.#countInterruption(kind);
    this.#happened({ type: 'interruption-over' });
  }

  #countInterruption(kind: 'true' | 'false' | 'backchannel'): void {
    if (this.#interruption === undefined) return;
    this.#interruption = undefined;
    this.#options.record('interruptions_total', 1, { kind });
  }

  #measured(measured: metrics.AgentMetrics): void {
    const { record, language } = this.#options;
    switch (measured.type) {
      case 'stt_metrics':
        // A stream reports its own life too, without a duration.
        if (!measured.streamed) record('stt_latency_seconds', measured.durationMs / 1000, { language });
        break;
      case 'llm_metrics':
        if (measured.ttftMs >= 0) record('llm_latency_seconds', measured.ttftMs / 1000, { language });
        break;
      case 'tts_metrics':
        if (measured.ttfbMs >= 0) record('tts_latency_seconds', measured.ttfbMs / 1000, { language });
        break;
    }
  }
}

/** Adds up the time that is spent in each state. */
class StateClock {
  state: CallState = FIRST_STATE;
  #enteredAt = performance.now();
  #countedTo = this.#enteredAt;
  #spent: Partial<Record<CallState, number>> = {};

  /** @returns when the state before it was entered, ms of `performance.now()` */
  enter(state: CallState): number {
    this.#add();
    const before = this.#enteredAt;
    this.state = state;
    this.#enteredAt = this.#countedTo;
    return before;
  }

  /** The sums since they were last taken, ms. */
  take(): Partial<Record<CallState, number>> {
    this.#add();
    const spent = this.#spent;
    this.#spent = {};
    return Object.fromEntries(Object.entries(spent).map(([state, ms]) => [state, Math.round(ms)]));
  }

  #add(): void {
    const now = performance.now();
    this.#spent[this.state] = (this.#spent[this.state] ?? 0) + now - this.#countedTo;
    this.#countedTo = now;
  }
}

function failedKind(type: string | undefined): 'stt' | 'llm' | 'tts' | undefined {
  switch (type) {
    case 'stt_error':
      return 'stt';
    case 'llm_error':
      return 'llm';
    case 'tts_error':
      return 'tts';
    default:
      return undefined;
  }
}
