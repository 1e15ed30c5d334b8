import { llm } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { ChangeGate } from '../../../src/agent/tools/change-gate.ts';

const { answers } = loadPrompts('es');
const QUESTION = 'Voy a poner Eva en nombre. ¿Lo confirmas?';
const args = { path: '/name', value: 'Eva' };

/** A conversation, said by one and the other. */
class Conversation {
  readonly items: llm.ChatItem[] = [];
  says(role: 'user' | 'assistant', content: string, interrupted = false): this {
    this.items.push(llm.ChatMessage.create({ role, content: [content], interrupted }));
    return this;
  }
  result(callId: string): this {
    this.items.push(llm.FunctionCallOutput.create({ callId, output: '""', isError: false }));
    return this;
  }
}

/** A gate whose only change counts how often it was made. */
function gate() {
  const state = { applied: 0, planned: 0 };
  const stands = new ChangeGate({ answers, declined: 'Lo dejo.', awaitsYes: 'Falta el sí.' });
  const ask = (history: Conversation, callId: string, speech = callId, given: object = args) =>
    stands.pass({ tool: 'update_data', args: given, callId, speech }, history.items, async () => {
      state.planned += 1;
      return {
        question: given === args ? QUESTION : `¿Cambio ${JSON.stringify(given)}?`,
        apply: async () => {
          state.applied += 1;
          return 'Hecho.';
        },
      };
    });
  return { stands, state, ask };
}

/** Up to the question that the agent has asked. */
async function asked() {
  const all = gate();
  const talk = new Conversation().says('user', 'Me llamo Eva.');
  expect(await all.ask(talk, 'c1')).toBe('Falta el sí.');
  talk.result('c1');
  expect(all.stands.next(talk.items)).toEqual({ say: QUESTION });
  talk.says('assistant', QUESTION);
  return { ...all, talk };
}

describe('a change', () => {
  it('is made once the caller says yes to what will be done, and not before', async () => {
    const { stands, state, ask, talk } = await asked();
    expect(state.applied).toBe(0);
    talk.says('user', 'Sí, por favor.');
    expect(stands.next(talk.items)).toMatchObject({
      call: { name: 'update_data', args: JSON.stringify(args) },
    });
    expect(state.applied).toBe(0);
    expect(await ask(talk, 'c2')).toBe('Hecho.');
    expect(state).toEqual({ applied: 1, planned: 1 });
    expect(stands.next(talk.result('c2').items)).toEqual({ say: 'Hecho.' });
    // The same yes makes nothing twice.
    expect(await ask(talk, 'c3')).toBe('Falta el sí.');
    expect(state.applied).toBe(1);
  });

  it('is not made after a no', async () => {
    const { stands, state, ask, talk } = await asked();
    talk.says('user', 'No, gracias.');
    expect(stands.next(talk.items)).toEqual({ say: 'Lo dejo.' });
    talk.says('assistant', 'Lo dejo.').says('user', 'Sí.');
    expect(stands.next(talk.items)).toBeUndefined();
    await ask(talk, 'c2');
    expect(state.applied).toBe(0);
  });

  it.each([
    ['an answer that is no clear yes', (talk: Conversation) => talk.says('user', 'Sí, pero con be alta.')],
    [
      'a yes in two parts, the second of which takes it back',
      (talk: Conversation) => talk.says('user', 'Sí.').says('user', 'No, espera.'),
    ],
    ['the model’s own yes', (talk: Conversation) => talk.says('assistant', 'Sí.')],
    [
      'a yes to something that was said later',
      (talk: Conversation) =>
        talk.says('user', 'Ajá').says('assistant', '¿Quieres algo más?').says('user', 'Sí.'),
    ],
    ['no answer at all', (talk: Conversation) => talk],
  ])('is not made after %s', async (_, go) => {
    const { stands, state, ask, talk } = await asked();
    go(talk);
    expect(stands.next(talk.items)).toBeUndefined();
    await ask(talk, 'c2');
    expect(state.applied).toBe(0);
  });

  it('is not made after a question that was cut off', async () => {
    const { stands, state, ask } = gate();
    const talk = new Conversation().says('user', 'Me llamo Eva.');
    await ask(talk, 'c1');
    talk.result('c1').says('assistant', 'Voy a poner', true).says('user', 'Sí.');
    expect(stands.next(talk.items)).toBeUndefined();
    await ask(talk, 'c2');
    expect(state.applied).toBe(0);
  });

  it('is not made by a yes that was said before the question', async () => {
    const { state, ask } = gate();
    const talk = new Conversation().says('assistant', QUESTION).says('user', 'Sí.');
    await ask(talk, 'c1');
    expect(state.applied).toBe(0);
  });

  it('that the model makes another after the yes is asked for anew', async () => {
    const { state, ask, talk } = await asked();
    talk.says('user', 'Sí.');
    expect(await ask(talk, 'c2', 'c2', { path: '/name', value: 'Mallory' })).toBe('Falta el sí.');
    expect(state.applied).toBe(0);
  });

  it('of two at once: each is asked for, one after the other', async () => {
    const { stands, state, ask } = gate();
    const second = { path: '/city', value: 'Lugo' };
    const talk = new Conversation().says('user', 'Me llamo Eva y vivo en Lugo.');
    await ask(talk, 'c1', 's1');
    await ask(talk, 'c2', 's1', second);
    talk.result('c1').result('c2');
    expect(stands.next(talk.items)).toEqual({ say: QUESTION });
    talk.says('assistant', QUESTION).says('user', 'Sí.');
    await ask(talk, 'c3');
    const next = stands.next(talk.result('c3').items);
    expect(next).toEqual({ say: `Hecho. ¿Cambio ${JSON.stringify(second)}?` });
    talk.says('assistant', next !== undefined && 'say' in next ? next.say : '').says('user', 'Vale.');
    expect(stands.next(talk.items)).toMatchObject({ call: { args: JSON.stringify(second) } });
    await ask(talk, 'c4', 'c4', second);
    expect(state.applied).toBe(2);
  });

  it('that fails is said to have failed', async () => {
    const stands = new ChangeGate({ answers, declined: 'Lo dejo.', awaitsYes: 'Falta el sí.' });
    const talk = new Conversation().says('user', 'Cámbialo.');
    const pass = (callId: string) =>
      stands.pass({ tool: 't', args, callId, speech: callId }, talk.items, async () => ({
        question: QUESTION,
        apply: () => Promise.reject(new llm.ToolError('No he podido.')),
      }));
    await pass('c1');
    talk.result('c1').says('assistant', QUESTION).says('user', 'Sí.');
    await expect(pass('c2')).rejects.toThrow('No he podido.');
    expect(stands.next(talk.result('c2').items)).toEqual({ say: 'No he podido.' });
  });
});
