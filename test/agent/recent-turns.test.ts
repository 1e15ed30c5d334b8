import { llm } from '@livekit/agents';
import { expect, it } from 'vitest';
import { recentTurns } from '../../src/agent/recent-turns.ts';

/** Instructions, and so many questions and answers of 10 characters each. */
function conversation(turns: number): llm.ChatContext {
  const chatCtx = llm.ChatContext.empty();
  chatCtx.addMessage({ role: 'system', content: 'Be short.' });
  for (let turn = 0; turn < turns; turn += 1) {
    chatCtx.addMessage({ role: 'user', content: `question${String(turn).padStart(2, '0')}` });
    chatCtx.addMessage({ role: 'assistant', content: `answer 0${String(turn).padStart(2, '0')}` });
  }
  return chatCtx;
}
const texts = (chatCtx: llm.ChatContext) =>
  chatCtx.items.map((item) => (item.type === 'message' ? item.textContent : item.type));

it('a conversation that fits is given whole', () => {
  const chatCtx = conversation(5);
  expect(recentTurns(chatCtx, 100)).toBe(chatCtx);
});

it('of a longer one the instructions and the newest turns are left, from a question on', () => {
  const recent = texts(recentTurns(conversation(8), 100));
  expect(recent[0]).toBe('Be short.');
  expect(recent[1]).toMatch(/^question/);
  expect(recent.at(-1)).toBe('answer 007');
  expect(recent.slice(1).join('').length).toBeLessThanOrEqual(100);
});

it('its beginning stays the same for some turns, so that the model need not read it again', () => {
  const beginnings = [6, 7, 8, 9].map((turns) => texts(recentTurns(conversation(turns), 100))[1]);
  expect(new Set(beginnings).size).toBeLessThan(beginnings.length);
});

it('a question longer than everything is still asked', () => {
  const chatCtx = conversation(3);
  chatCtx.addMessage({ role: 'user', content: 'x'.repeat(500) });
  expect(texts(recentTurns(chatCtx, 100))).toEqual(['Be short.', 'x'.repeat(500)]);
});
