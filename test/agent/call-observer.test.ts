import { EventEmitter } from 'node:events';
import { llm, voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallObserver } from '../../src/agent/call-observer.ts';
import type { CallState } from '../../src/agent/turns/call-state.ts';
import { logLines } from '../support/log-lines.ts';

const on = voice.AgentSessionEventTypes;

/** What the observer uses of a session. */
class TestSession extends EventEmitter {
  userState: voice.UserState = 'listening';
  agentState: voice.AgentState = 'listening';

  agent(newState: voice.AgentState): void {
    this.agentState = newState;
    this.emit(on.AgentStateChanged, { newState });
  }

  user(newState: voice.UserState): void {
    this.userState = newState;
    this.emit(on.UserStateChanged, { newState });
  }

  /** Something that the agent says; the function ends it. */
  speech(): (how: { interrupted: boolean }) => void {
    const callbacks: (() => void)[] = [];
    const speechHandle = {
      interrupted: false,
      addDoneCallback: (callback: () => void) => callbacks.push(callback),
    };
    this.emit(on.SpeechCreated, { speechHandle });
    return ({ interrupted }) => {
      speechHandle.interrupted = interrupted;
      for (const callback of callbacks) callback();
    };
  }
}

let session: TestSession;
let observer: CallObserver;
let states: CallState[];
let recorded: unknown[][];
let lines: ReturnType<typeof logLines>;

const logged = () => lines.lines.map((line) => JSON.parse(line) as unknown);
const of = (name: string) => recorded.filter(([metric]) => metric === name).map(([, ...rest]) => rest);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  session = new TestSession();
  states = [];
  recorded = [];
  lines = logLines('debug');
  observer = new CallObserver({
    language: 'es',
    channel: 'browser',
    record: (...one) => recorded.push(one),
    log: lines.log,
    onState: (state) => states.push(state),
  });
  observer.follow(session as unknown as voice.AgentSession);
});
afterEach(() => {
  vi.useRealTimers();
});

/** The caller speaks over the agent, and the agent pauses after `ms`. */
function interrupt(ms = 120): void {
  session.agent('speaking');
  vi.advanceTimersByTime(1_000);
  vi.advanceTimersByTime(ms);
  observer.callerVoice(ms, false);
  session.user('speaking');
  session.agent('listening');
}

describe('an interruption', () => {
  it('that took the turn is a true one, once, and the call goes on', () => {
    const end = session.speech();
    interrupt();
    end({ interrupted: true });
    session.user('listening');
    session.agent('thinking');
    session.agent('speaking');
    expect(states).toEqual(['SPEAKING', 'INTERRUPTED', 'LISTENING', 'PROCESSING', 'SPEAKING']);
    expect(of('interruptions_total')).toEqual([[1, { kind: 'true' }]]);
  });

  it('that was nothing is a false one, whether the agent is told to speak before or after', () => {
    interrupt();
    session.agent('speaking');
    session.emit(on.AgentFalseInterruption, { resumed: true });
    interrupt();
    session.emit(on.AgentFalseInterruption, { resumed: false });
    expect(states).toEqual(['SPEAKING', 'INTERRUPTED', 'SPEAKING', 'INTERRUPTED', 'LISTENING']);
    expect(of('interruptions_total')).toEqual([
      [1, { kind: 'false' }],
      [1, { kind: 'false' }],
    ]);
  });

  it('by a listener’s «ajá» is a backchannel', () => {
    interrupt();
    observer.heardBackchannel();
    session.emit(on.AgentFalseInterruption, { resumed: true });
    expect(of('interruptions_total')).toEqual([[1, { kind: 'backchannel' }]]);
    // And the next one is a matter of its own.
    interrupt();
    session.emit(on.AgentFalseInterruption, { resumed: true });
    expect(of('interruptions_total').at(-1)).toEqual([1, { kind: 'false' }]);
  });

  it('that was nothing ends when the agent’s sound goes on, before the session says so', () => {
    const end = session.speech();
    interrupt();
    observer.resumed();
    expect(states.at(-1)).toBe('SPEAKING');
    session.user('listening');
    session.emit(on.AgentFalseInterruption, { resumed: true });
    expect(states.at(-1)).toBe('SPEAKING');
    end({ interrupted: false });
    expect(states.at(-1)).toBe('LISTENING');
    expect(of('interruptions_total')).toEqual([[1, { kind: 'false' }]]);
  });

  it('whose end nobody told of counts when the next one comes', () => {
    interrupt();
    interrupt();
    expect(of('interruptions_total')).toEqual([[1, { kind: 'true' }]]);
  });

  it('is timed from the caller’s first sound, and logged', () => {
    interrupt(150);
    expect(of('barge_in_seconds')).toEqual([[0.15, { language: 'es', channel: 'browser' }]]);
    expect(logged()).toContainEqual(
      expect.objectContaining({ level: 30, msg: 'playback interrupted', bargeInMs: 150 }),
    );
    expect(observer.takeTurn().bargeInMs).toBe(150);
    expect(observer.takeTurn().bargeInMs).toBeUndefined();
  });

  it('is timed to where the sound was held, when that came before the agent was told', () => {
    session.agent('speaking');
    vi.advanceTimersByTime(1_000);
    observer.callerVoice(64, true);
    vi.advanceTimersByTime(100);
    observer.callerVoice(164, true);
    session.user('speaking');
    session.agent('listening');
    expect(of('barge_in_seconds')[0]?.[0]).toBeCloseTo(0.064);
  });

  it('by who spoke already when the agent began is timed from the agent’s first sound', () => {
    vi.advanceTimersByTime(3_000);
    session.user('speaking');
    session.agent('speaking');
    vi.advanceTimersByTime(90);
    observer.callerVoice(3_090, false);
    session.agent('listening');
    expect(of('barge_in_seconds')[0]?.[0]).toBeCloseTo(0.09);
  });
});

describe('a call', () => {
  it('counts once somebody came', () => {
    expect(of('calls_total')).toEqual([]);
    observer.callBegan();
    expect(of('calls_total')).toEqual([[1, { language: 'es', channel: 'browser' }]]);
  });

  it('has its time divided among its states, turn by turn', () => {
    vi.advanceTimersByTime(500);
    session.agent('thinking');
    vi.advanceTimersByTime(300);
    session.agent('speaking');
    vi.advanceTimersByTime(2_000);
    expect(observer.takeTurn().statesMs).toEqual({ LISTENING: 500, PROCESSING: 300, SPEAKING: 2_000 });
    vi.advanceTimersByTime(100);
    expect(observer.takeTurn().statesMs).toEqual({ SPEAKING: 100 });
  });

  it('says in the log when speech is detected, for those who look closely', () => {
    session.user('speaking');
    expect(logged()).toContainEqual(
      expect.objectContaining({ level: 20, msg: 'speech detected', state: 'LISTENING' }),
    );
  });

  it('has the times of its engines, one for each request that gave something', () => {
    const measured = (metrics: object) => session.emit(on.MetricsCollected, { metrics });
    measured({ type: 'stt_metrics', streamed: false, durationMs: 250 });
    measured({ type: 'stt_metrics', streamed: true, durationMs: 0 });
    measured({ type: 'llm_metrics', ttftMs: 120 });
    measured({ type: 'llm_metrics', ttftMs: -1 });
    measured({ type: 'tts_metrics', ttfbMs: 80 });
    measured({ type: 'tts_metrics', ttfbMs: -1 });
    expect(of('stt_latency_seconds')).toEqual([[0.25, { language: 'es' }]]);
    expect(of('llm_latency_seconds')).toEqual([[0.12, { language: 'es' }]]);
    expect(of('tts_latency_seconds')).toEqual([[0.08, { language: 'es' }]]);
  });

  it('has the times of its turns, from what the session says of each', () => {
    const add = (role: 'user' | 'assistant', metrics: llm.MetricsReport) =>
      session.emit(on.ConversationItemAdded, {
        item: llm.ChatMessage.create({ role, content: 'Hola.', metrics }),
      });
    add('user', { endOfTurnDelay: 0.4 });
    add('assistant', { e2eLatency: 0.9 });
    add('assistant', {});
    expect(of('end_of_turn_seconds')).toEqual([[0.4, { language: 'es' }]]);
    expect(of('voice_to_voice_seconds')).toEqual([[0.9, { language: 'es', channel: 'browser' }]]);
  });

  it('counts what failed by the engine that did', () => {
    session.emit(on.Error, { error: { type: 'stt_error', error: new Error('away') } });
    session.emit(on.Error, { error: { type: 'tts_error', error: new Error('away') } });
    session.emit(on.Error, { error: new Error('something else') });
    expect(of('provider_failures_total')).toEqual([
      [1, { kind: 'stt' }],
      [1, { kind: 'tts' }],
    ]);
  });
});
