import { describe, expect, it } from 'vitest';
import { conversationDay } from '../../bench/support/conversation-day.ts';
import { loadPrompts } from '../../src/agent/prompts.ts';

describe.each(['es', 'en'] as const)('the recorded day in %s', (language) => {
  const prompts = loadPrompts(language);
  const day = conversationDay(200, language, prompts);

  it('is the same in every run', () => {
    expect(conversationDay(200, language, prompts)).toEqual(day);
  });

  it('has 200 conversations that begin with a greeting and go on with answers', () => {
    expect(day).toHaveLength(200);
    for (const [greeting, ...rest] of day) {
      expect(greeting?.kind).toBe('greeting');
      expect(rest.length).toBeGreaterThanOrEqual(2);
      for (const { kind, text } of rest) {
        expect(kind).not.toBe('greeting');
        expect(text).not.toMatch(/^$|\{\{|undefined/);
      }
    }
  });

  it('greets many callers by name and has sentences of every kind', () => {
    const sayings = day.flat();
    const greetings = new Set(sayings.filter(({ kind }) => kind === 'greeting').map(({ text }) => text));
    expect(greetings.size).toBeGreaterThan(8);
    expect(greetings).toContain(prompts.greeting(undefined));
    const kinds = new Set(sayings.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['greeting', 'answer', 'filler', 'fallback']));
  });
});
