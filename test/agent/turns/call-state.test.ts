import type { voice } from '@livekit/agents';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CallEvent,
  type CallState,
  FIRST_STATE,
  nextState,
} from '../../../src/agent/turns/call-state.ts';

const agent = (state: voice.AgentState, callerSpeaks = false): CallEvent => ({
  type: 'agent',
  state,
  callerSpeaks,
});
const over: CallEvent = { type: 'interruption-over' };
const resumed: CallEvent = { type: 'resumed' };

describe('the state of a call', () => {
  it.each<[string, CallState, CallEvent, CallState]>([
    ['the agent begins to think', 'LISTENING', agent('thinking'), 'PROCESSING'],
    ['the agent greets', 'LISTENING', agent('speaking'), 'SPEAKING'],
    ['the answer begins', 'PROCESSING', agent('speaking'), 'SPEAKING'],
    ['nothing came of the thinking', 'PROCESSING', agent('listening'), 'LISTENING'],
    ['the caller spoke on before the answer', 'PROCESSING', agent('listening', true), 'LISTENING'],
    ['the answer is said', 'SPEAKING', agent('listening'), 'LISTENING'],
    ['the agent looks something up', 'SPEAKING', agent('thinking'), 'PROCESSING'],
    ['the caller speaks over the agent', 'SPEAKING', agent('listening', true), 'INTERRUPTED'],
    ['it was nothing, and the agent speaks on', 'INTERRUPTED', agent('speaking'), 'SPEAKING'],
    ['its sound goes on before it is told to speak', 'INTERRUPTED', resumed, 'SPEAKING'],
    ['sound that nobody interrupted goes on', 'LISTENING', resumed, 'LISTENING'],
    ['what was said is thought about', 'INTERRUPTED', agent('thinking'), 'PROCESSING'],
    ['the turn was cut, and no answer is wanted', 'INTERRUPTED', over, 'LISTENING'],
    ['the caller is still being heard out', 'INTERRUPTED', agent('listening', true), 'INTERRUPTED'],
    ['an earlier interruption is over', 'SPEAKING', over, 'SPEAKING'],
    ['an earlier interruption is over', 'PROCESSING', over, 'PROCESSING'],
    ['the session starts', 'LISTENING', agent('initializing'), 'LISTENING'],
    ['the session rests', 'SPEAKING', agent('idle'), 'LISTENING'],
  ])('when %s: %s', (_what, before, event, after) => {
    expect(nextState(before, event)).toBe(after);
  });
});

const anyEvent = fc.oneof(
  fc.constantFrom(over, resumed),
  fc
    .tuple(
      fc.constantFrom<voice.AgentState>('initializing', 'idle', 'listening', 'thinking', 'speaking'),
      fc.boolean(),
    )
    .map(([state, callerSpeaks]) => agent(state, callerSpeaks)),
);
const anyHistory = fc.array(anyEvent, { maxLength: 60 });
const stateAfter = (events: readonly CallEvent[]) => events.reduce(nextState, FIRST_STATE);

describe('after any sequence of events', () => {
  it('says what the agent says of itself, unless its sound went on before it did', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const index = events.findLastIndex((event) => event.type === 'agent');
        const last = events[index];
        const agentState = last?.type === 'agent' ? last.state : undefined;
        const state = stateAfter(events);
        const wentOn = events.slice(index + 1).includes(resumed);
        expect(state === 'PROCESSING').toBe(agentState === 'thinking');
        if (agentState === 'speaking') expect(state).toBe('SPEAKING');
        if (agentState !== 'speaking' && !wentOn) expect(state).not.toBe('SPEAKING');
      }),
    );
  });

  it('has a way out of every state: whatever the agent does next, and an interruption ends with its outcome', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const state = stateAfter(events);
        expect(nextState(state, agent('speaking'))).toBe('SPEAKING');
        expect(nextState(state, agent('thinking'))).toBe('PROCESSING');
        for (const end of [over, resumed]) {
          const rested = nextState(nextState(nextState(state, agent('listening')), end), agent('listening'));
          expect(rested).toBe('LISTENING');
        }
      }),
    );
  });

  it('is interrupted only after the agent was speaking and the caller spoke', () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        if (stateAfter(events) !== 'INTERRUPTED') return;
        const agents = events.filter((event) => event.type === 'agent');
        const spoke = agents.findLastIndex(({ state }) => state === 'speaking');
        expect(agents[spoke + 1]).toMatchObject({ callerSpeaks: true });
      }),
    );
  });
});
