import { initializeLogger, voice } from '@livekit/agents';
import { afterEach, describe, expect, it } from 'vitest';
import { Assistant } from '../../src/agent/assistant.ts';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { createLLM } from '../../src/providers/llm/create-llm.ts';
import { renderDataTools } from '../../src/sessions/render-data-tools.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import {
  type ChatMessage,
  type ChatRequest,
  type FixedEngines,
  type FixedEnginesOptions,
  startFixedEngines,
} from '../support/fixed-engines.ts';

initializeLogger({ pretty: false, level: 'silent' });

const prompts = loadPrompts('es');
const withTickets = (...tickets: string[]) =>
  renderDataTools({ user_context: { name: 'Ana', open_tickets: tickets } }, 'es', { maxTokens: 900 }).text;

let engines: FixedEngines;
let session: voice.AgentSession;
afterEach(async () => {
  await session.close();
  await engines.close();
});

interface Call {
  assistant: Assistant;
  notices: string[];
  /** The instructions that the model was given to read ahead. */
  warmed: string[];
}

/** A call in text, as `job.ts` sets it up. */
async function call(fixed: FixedEnginesOptions, caller?: Promise<boolean>): Promise<Call> {
  engines = await startFixedEngines({ firstTokenMs: 5, tokenMs: 2, ...fixed });
  const endpoint = { kind: 'local', baseUrl: engines.baseUrl, apiKey: 'none', model: 'm' } as const;
  const notices: string[] = [];
  const warmed: string[] = [];
  session = new voice.AgentSession({
    llm: createLLM(endpoint, 'call-7'),
    connOptions: {
      llmConnOptions: { maxRetry: 0, retryIntervalMs: 200, timeoutMs: 20_000 },
      maxUnrecoverableErrors: Number.POSITIVE_INFINITY,
    },
  });
  session.on(voice.AgentSessionEventTypes.Error, ({ error }) => {
    notices.push(error instanceof Error ? 'error' : error.type);
  });
  const assistant = new Assistant({
    project: 'Charla',
    prompts,
    known: { data: withTickets('A-1'), greeting: prompts.greeting('Ana') },
    caller: caller ?? Promise.resolve(true),
    log: createLogger('test', 'silent'),
    historyChars: 7_000,
    onWords: () => undefined,
    warm: async (instructions) => {
      warmed.push(instructions);
    },
    modelUrl: endpoint.baseUrl,
    onModelSilent: (error) => notices.push(error.code),
  });
  await session.start({ agent: assistant });
  // The greeting stands in the conversation once it was said.
  if (caller === undefined) await expect.poll(said).toHaveLength(1);
  return { assistant, notices, warmed };
}

async function ask(text: string): Promise<string> {
  const result = await session.run({ userInput: text });
  await result.wait();
  return said().at(-1) ?? '';
}

/** What the agent has said, as the conversation has it. */
function said(): string[] {
  return session.history.items.flatMap((item) =>
    item.type === 'message' && item.role === 'assistant' ? [item.textContent ?? ''] : [],
  );
}

const system = (messages: ChatMessage[]) => messages.find((one) => one.role === 'system')?.content ?? '';
const requests = () => engines.requests as ChatRequest[];

describe('the assistant', () => {
  it('greets, and answers from the data that it was given, in the conversation so far', async () => {
    await call({ answer: (messages) => (system(messages).includes('A-1') ? 'Tienes el A-1.' : 'No lo sé.') });
    expect(await ask('¿Qué tickets tengo?')).toBe('Tienes el A-1.');
    await ask('¿Seguro?');
    const last = requests().at(-1)?.body.messages ?? [];
    expect(last.map((one) => one.content)).toEqual([
      expect.stringContaining('<datos>'),
      '¡Hola, Ana! ¿En qué puedo ayudarte?',
      '¿Qué tickets tengo?',
      'Tienes el A-1.',
      '¿Seguro?',
    ]);
    expect(requests()[0]?.headers['x-client-id']).toBe('call-7');
    // A request without one would be answered at the server's own, with inventions.
    expect(requests()[0]?.body.temperature).toBe(0.001);
  });

  it('answers from changed data the very next time', async () => {
    const { assistant, warmed } = await call({
      answer: (messages) => /[AB]-\d/.exec(system(messages))?.[0] ?? 'nada',
    });
    expect(await ask('¿Qué ticket tengo?')).toBe('A-1');
    await assistant.update({ data: withTickets('B-2'), greeting: prompts.greeting('Ana') });
    expect(await ask('¿Y ahora?')).toBe('B-2');
    expect(warmed.at(-1)).toContain('B-2');
    expect(system(requests().at(-1)?.body.messages ?? [])).not.toContain('A-1');
    await assistant.update({ data: '', greeting: prompts.greeting(undefined) });
    expect(await ask('¿Y ahora?')).toBe('nada');
    expect(said()).toEqual([prompts.greeting('Ana'), 'A-1', 'B-2', 'nada']);
  });

  it('greets by the name that is known when the caller comes', async () => {
    let come = (_here: boolean): void => undefined;
    const caller = new Promise<boolean>((resolve) => {
      come = resolve;
    });
    const { assistant } = await call({}, caller);
    await assistant.update({ data: withTickets('B-2'), greeting: prompts.greeting('Bea') });
    expect(said()).toEqual([]);
    come(true);
    await expect.poll(said).toEqual([prompts.greeting('Bea')]);
  });

  it('greets nobody where nobody comes', async () => {
    await call({}, Promise.resolve(false));
    await session.close();
    expect(said()).toEqual([]);
  });

  it('lets the model go when its answer is interrupted', async () => {
    await call({ tokenMs: 30, answer: 'Tienes el ticket A-1. '.repeat(50) });
    session.generateReply({ userInput: '¿Qué tickets tengo?' });
    await expect.poll(() => requests().at(-1)?.body.messages.at(-1)?.content).toBe('¿Qué tickets tengo?');
    await expect.poll(() => session.agentState).toBe('speaking');
    await session.interrupt();
    await expect.poll(() => requests().at(-1)?.abortedAt).toBeDefined();
  });

  it('apologises in the answer’s place when the model is down, and the call goes on', async () => {
    const { notices } = await call({ answer: 'Tienes el A-1.' });
    engines.fail('llm', { status: 500, times: 2 });
    expect(await ask('¿Qué tickets tengo?')).toBe(prompts.phrases.model_failed);
    expect(notices).toEqual(['llm_error']);
    expect(await ask('¿Y ahora?')).toBe('Tienes el A-1.');
  });

  it('says that its answer was cut off when the model dies in the middle of it', async () => {
    await call({ answer: 'Tienes el ticket A-1 y nada más que eso, de verdad.' });
    engines.fail('llm', { cutAfterBytes: 600, times: 1 });
    const answer = await ask('¿Qué tickets tengo?');
    expect(answer).toMatch(/^Tienes /);
    expect(answer.endsWith(` ${prompts.phrases.model_broke_off}`)).toBe(true);
    expect(await ask('¿Y ahora?')).toContain('nada más que eso');
  });

  it('apologises when the model says nothing in time, and tells the page why', async () => {
    const { notices } = await call({ answer: 'Tienes el A-1.' });
    engines.fail('llm', { hang: true, times: 1 });
    expect(await ask('¿Qué tickets tengo?')).toBe(prompts.phrases.model_failed);
    expect(notices).toEqual(['CHARLA_PROVIDER_TIMEOUT']);
    await expect.poll(() => requests()[0]?.abortedAt).toBeDefined();
    expect(await ask('¿Y ahora?')).toBe('Tienes el A-1.');
  });
});
