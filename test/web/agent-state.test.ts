import { expect, it } from 'vitest';
import { type StageState, wordFor } from '../../src/web/hooks/use-agent-state.ts';

it.each<[Parameters<typeof wordFor>[0], string | undefined, StageState]>([
  ['listening', 'LISTENING', 'listening'],
  ['listening', undefined, 'listening'],
  ['listening', 'INTERRUPTED', 'interrupted'],
  // The attribute of the one state may come before the other's.
  ['speaking', 'INTERRUPTED', 'speaking'],
  ['thinking', 'PROCESSING', 'thinking'],
  ['pre-connect-buffering', undefined, 'listening'],
  ['idle', 'LISTENING', 'idling'],
  ['connecting', undefined, 'initializing'],
])('an agent that is %s in a call that is %s is shown as %s', (state, callState, word) => {
  expect(wordFor(state, callState)).toBe(word);
});
