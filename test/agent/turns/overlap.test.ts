import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { expect, it } from 'vitest';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { Overlap } from '../../../src/agent/turns/overlap.ts';

function call() {
  const session = Object.assign(new EventEmitter(), { agentState: 'listening' });
  const overlap = new Overlap(loadPrompts('es').backchannels);
  overlap.follow(session as unknown as voice.AgentSession);
  const agent = (state: string, text = '') => {
    session.agentState = state;
    overlap.agentSays(text);
  };
  /** The agent's message is over: said or cut off. */
  const messageEnds = () =>
    session.emit(voice.AgentSessionEventTypes.ConversationItemAdded, {
      item: { type: 'message', role: 'assistant' },
    });
  const resumes = () => {
    session.agentState = 'speaking';
    session.emit(voice.AgentSessionEventTypes.AgentFalseInterruption, { resumed: true });
  };
  const callerSpeaks = () =>
    session.emit(voice.AgentSessionEventTypes.UserStateChanged, { newState: 'speaking' });
  return { overlap, agent, callerSpeaks, messageEnds, resumes };
}

it('a «sí» over the agent is ignored, also when the agent has gone quiet for it', () => {
  const { overlap, agent, callerSpeaks } = call();
  agent('thinking');
  agent('speaking', 'Tienes dos tickets abiertos.');
  callerSpeaks();
  agent('listening');
  expect(overlap.ignores('Sí, sí.')).toBe(true);
  expect(overlap.ignores('Espera.')).toBe(false);
});

it('a «sí» to a question of the agent is an answer', () => {
  const { overlap, agent, callerSpeaks } = call();
  agent('thinking');
  agent('speaking', '¿Quieres que los cierre?');
  callerSpeaks();
  expect(overlap.ignores('Sí.')).toBe(false);
  expect(overlap.ignores('Mmm.')).toBe(true);
});

it('the question of an earlier turn is forgotten', () => {
  const { overlap, agent, callerSpeaks, messageEnds } = call();
  agent('speaking', '¿Quieres que los cierre?');
  messageEnds();
  agent('speaking', 'Tienes dos tickets abiertos.');
  callerSpeaks();
  expect(overlap.ignores('Sí.')).toBe(true);
});

it('a second one, while the agent is quiet for the first, is ignored too; after it went on, it is not', () => {
  const { overlap, agent, callerSpeaks, messageEnds, resumes } = call();
  agent('speaking', 'Tienes dos tickets abiertos.');
  callerSpeaks();
  agent('listening');
  callerSpeaks();
  expect(overlap.ignores('Claro.')).toBe(true);
  resumes();
  expect(overlap.ignores('Claro.')).toBe(false);
  messageEnds();
  agent('listening');
  callerSpeaks();
  expect(overlap.ignores('Claro.')).toBe(false);
});

it('a «sí» while the agent listens is a turn', () => {
  const { overlap, agent, callerSpeaks, messageEnds } = call();
  agent('speaking', 'Hola.');
  messageEnds();
  agent('listening');
  callerSpeaks();
  expect(overlap.ignores('Sí.')).toBe(false);
});
