import { llm } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { joinSplitTurns } from '../../../src/agent/turns/join-split-turns.ts';

type Line = ['system' | 'user' | 'assistant', string];

function conversation(...lines: Line[]): llm.ChatContext {
  return new llm.ChatContext(
    lines.map(([role, content], createdAt) => llm.ChatMessage.create({ role, content, createdAt })),
  );
}

function read(chatCtx: llm.ChatContext): string[] {
  return chatCtx.items.map((item) =>
    item.type === 'message' ? `${item.role}: ${item.textContent}` : item.type,
  );
}

describe('the conversation that the model reads', () => {
  it('has one message for a question that came in parts', () => {
    const parts = conversation(
      ['system', 'Ayuda.'],
      ['assistant', 'Hola.'],
      ['user', 'Quiero saber.'],
      ['user', 'Cuánto cuesta.'],
      ['user', 'La laptop.'],
    );
    expect(read(joinSplitTurns(parts))).toEqual([
      'system: Ayuda.',
      'assistant: Hola.',
      'user: Quiero saber. Cuánto cuesta. La laptop.',
    ]);
  });

  it('has no answer of which nothing was heard', () => {
    const parts = conversation(['user', 'Quiero saber.'], ['assistant', ' '], ['user', 'Cuánto cuesta.']);
    expect(read(joinSplitTurns(parts))).toEqual(['user: Quiero saber. Cuánto cuesta.']);
  });

  it('keeps questions apart that were answered, and what tools did', () => {
    const call = llm.FunctionCall.create({ callId: 'c', name: 'look', args: '{}', createdAt: 1.5 });
    const whole = conversation(['user', 'Uno.'], ['assistant', 'Sí.'], ['user', 'Dos.']);
    expect(joinSplitTurns(whole)).toBe(whole);
    const withCall = new llm.ChatContext([
      ...whole.items,
      call,
      llm.ChatMessage.create({ role: 'user', content: 'Tres.' }),
    ]);
    expect(read(joinSplitTurns(withCall)).slice(-3)).toEqual(['user: Dos.', 'function_call', 'user: Tres.']);
  });

  it('leaves the conversation itself as it is', () => {
    const parts = conversation(['user', 'Uno.'], ['user', 'Dos.']);
    joinSplitTurns(parts);
    expect(read(parts)).toEqual(['user: Uno.', 'user: Dos.']);
  });
});
