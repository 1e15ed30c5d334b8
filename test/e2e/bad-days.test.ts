import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { Caller } from '../support/caller.ts';
import { type DevStack, fixedModels, startDevStack, startSession } from '../support/dev-stack.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';

const { phrases } = loadPrompts('es');
const CALLERS_AT_ONCE = 8;

let engines: FixedEngines;
let stack: DevStack;
const callers: Caller[] = [];

beforeAll(async () => {
  engines = await startFixedEngines({ answer: 'Claro, en el carrito hay una laptop y un mouse.' });
  stack = await startDevStack(fixedModels(engines, inject('stack').livekitUrl, 'bad-days'));
});

afterEach(async () => {
  engines.heal();
  await Promise.all(callers.splice(0).map((caller) => caller.hangUp()));
});

afterAll(async () => {
  await stack?.stop();
  await engines?.close();
});

async function call(userId: string): Promise<Caller> {
  const caller = await Caller.join(await startSession(stack.apiUrl, { user_id: userId }));
  callers.push(caller);
  return caller;
}

describe('many callers', () => {
  it('greets eight who call at once: no room stays without an agent', async () => {
    const joined = await Promise.all(
      Array.from({ length: CALLERS_AT_ONCE }, (_, index) => call(`caller-${index}`)),
    );
    const greeted = await Promise.all(
      joined.map((caller) =>
        caller.until(() => caller.firstSoundAfter(0), 90_000, 'the greeting').catch(() => undefined),
      ),
    );
    expect(greeted.filter((at) => at !== undefined)).toHaveLength(CALLERS_AT_ONCE);
  });
});

describe('a model endpoint that fails during a call', () => {
  it('is heard as a sentence, shown on the page, and the call goes on', async () => {
    const caller = await call('ana');
    await caller.greeted();
    engines.fail('llm', { status: 500 });
    const sorry = await caller.type('¿Qué tengo en el carrito?');
    expect(sorry.text).toContain(phrases.model_failed);
    expect(caller.messages.map(({ topic, value }) => [topic, value.code])).toContainEqual([
      'charla.notice',
      'CHARLA_PROVIDER_FAILED',
    ]);

    engines.heal();
    const answer = await caller.type('¿Qué tengo en el carrito?');
    expect(answer.text).toContain('laptop');
  });

  it('that never answers is given up, and the caller hears so', async () => {
    const caller = await call('luis');
    await caller.greeted();
    engines.fail('llm', { hang: true });
    const sorry = await caller.type('¿Sigues ahí?');
    expect(sorry.text).toContain(phrases.model_failed);
  });

  it('of the voice still lets the agent say that it lost it, from the phrases kept on disk', async () => {
    const caller = await call('eva');
    await caller.greeted();
    engines.fail('tts', { status: 503 });
    const heard = await caller.type('¿Qué tengo en el carrito?');
    expect(heard.pcm.length).toBeGreaterThan(0);
    expect(caller.messages.map(({ topic, value }) => [topic, value.code])).toContainEqual([
      'charla.notice',
      'CHARLA_PROVIDER_FAILED',
    ]);

    engines.heal();
    const answer = await caller.type('¿Qué tengo en el carrito?');
    expect(answer.text).toContain('laptop');
  });
});
