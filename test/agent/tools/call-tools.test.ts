import { initializeLogger, voice } from '@livekit/agents';
import { afterEach, describe, expect, it } from 'vitest';
import { Assistant } from '../../../src/agent/assistant.ts';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { createCallTools } from '../../../src/agent/tools/call-tools.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { createLLM } from '../../../src/providers/llm/create-llm.ts';
import type { DataTools } from '../../../src/sessions/data-tools.ts';
import { mergeDataTools } from '../../../src/sessions/data-tools.ts';
import type { ToolPermissions } from '../../../src/sessions/profile.ts';
import { renderDataTools } from '../../../src/sessions/render-data-tools.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { serve } from '../../inference/support.ts';
import {
  type ChatMessage,
  type ChatRequest,
  type FixedEngines,
  type FixedToolCall,
  startFixedEngines,
} from '../../support/fixed-engines.ts';

initializeLogger({ pretty: false, level: 'silent' });

const prompts = loadPrompts('es');
let engines: FixedEngines;
let session: voice.AgentSession;
afterEach(async () => {
  await session.close();
  await engines.close();
});

interface Call {
  /** What the HTTP API was asked to change. */
  patches: unknown[];
  /** If-Match of each of them. */
  ifMatch: (string | undefined)[];
  dataTools: () => DataTools;
  /** Somebody else changes them. */
  replace: (dataTools: DataTools) => void;
}

/** A call in text whose model does what a function says. */
async function call(options: {
  dataTools: DataTools;
  permissions?: ToolPermissions;
  model: (messages: ChatMessage[]) => string | FixedToolCall;
  /** What the caller names is looked up before the model is asked. */
  recalls?: boolean;
  /** Status of the API's answers. */
  status?: number;
}): Promise<Call> {
  let { dataTools } = options;
  const patches: unknown[] = [];
  const ifMatch: (string | undefined)[] = [];
  const { url } = await serve((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      const patch: unknown = JSON.parse(body);
      patches.push(patch);
      ifMatch.push(request.headers['if-match']);
      if ((options.status ?? 200) === 200) dataTools = mergeDataTools(dataTools, patch);
      response.writeHead(options.status ?? 200).end('{}');
    });
  });
  engines = await startFixedEngines({ firstTokenMs: 2, tokenMs: 1, answer: options.model });
  const endpoint = { kind: 'local', baseUrl: engines.baseUrl, apiKey: 'none', model: 'm' } as const;
  const tools = createCallTools({
    config: loadConfig({ NODE_ENV: 'test', PORT: new URL(url).port }),
    sessionId: 's-1',
    language: 'es',
    words: prompts.tools,
    answers: prompts.answers,
    dataTools: () => dataTools,
    revision: () => 7,
    permissions: () => options.permissions ?? {},
  });
  const { text, isCut } = renderDataTools(dataTools, 'es', { maxTokens: 200 });
  session = new voice.AgentSession({ llm: createLLM(endpoint, 'call-7') });
  const assistant = new Assistant({
    project: 'Charla',
    prompts,
    known: {
      data: text,
      tools: tools.toolsFor(isCut),
      ...(options.recalls === true && { recall: tools.recall }),
      greeting: 'Hola.',
    },
    gate: tools.gate,
    caller: Promise.resolve(false),
    log: createLogger('test', 'silent'),
    historyChars: 7_000,
    onWords: () => undefined,
    warm: async () => undefined,
    modelUrl: endpoint.baseUrl,
    onModelSilent: () => undefined,
  });
  await session.start({ agent: assistant });
  return {
    patches,
    ifMatch,
    dataTools: () => dataTools,
    replace: (changed) => {
      dataTools = changed;
    },
  };
}

async function ask(text: string): Promise<string> {
  await session.run({ userInput: text }).wait();
  const said = session.history.items.flatMap((item) =>
    item.type === 'message' && item.role === 'assistant' ? [item.textContent ?? ''] : [],
  );
  return said.at(-1) ?? '';
}

const requests = () => engines.requests.filter((one): one is ChatRequest => one.kind === 'llm');
const toolNames = (request: ChatRequest | undefined) =>
  ((request?.body.tools ?? []) as { function: { name: string } }[]).map((tool) => tool.function.name);
const lastOf = (messages: ChatMessage[]) => messages.at(-1);

const orders = Array.from({ length: 80 }, (_, index) => ({ id: `P-${index}`, note: 'x'.repeat(30) }));
const user = { user_context: { name: 'Ana', email: 'ana@example.com', age: 30 } };
const update = (path: string, value: unknown): FixedToolCall => ({
  call: 'update_data',
  args: { path, value },
});
const allowed: ToolPermissions = { update_data: { allowed: true, confirm: true } };

describe('look_up', () => {
  it('is given to the model when data were left out, and answers inside the fence', async () => {
    await call({
      dataTools: { orders },
      model: (messages) => {
        const last = lastOf(messages);
        if (last?.role !== 'tool') return { call: 'look_up', args: { path: 'pedido P-77' } };
        return last.content.includes('P-77') ? 'Está.' : 'No está.';
      },
    });
    expect(await ask('¿Y el pedido P-77?')).toBe('Está.');
    expect(toolNames(requests()[0])).toEqual(['look_up']);
    expect(requests()[0]?.body.messages[0]?.content).toContain('look_up');
    const result = JSON.parse(lastOf(requests().at(-1)?.body.messages ?? [])?.content ?? '') as string;
    expect(result).toMatch(/^<datos>\nPedidos 78.*P-77.*\n<\/datos>$/su);
  });

  it('has been done already for what the caller names, for that answer only', async () => {
    await call({
      dataTools: { orders },
      recalls: true,
      model: (messages) => {
        const last = lastOf(messages);
        if (last?.role !== 'system') return 'No sé de qué hablas.';
        return last.content.includes('P-77') ? 'Está.' : 'No está.';
      },
    });
    expect(await ask('¿Y el pedido P-77?')).toBe('Está.');
    expect(requests()).toHaveLength(1);
    expect(await ask('Gracias.')).toBe('No sé de qué hablas.');
    expect(requests()[1]?.body.messages.filter(({ role }) => role === 'system')).toHaveLength(1);
  });

  it('is not there when all data are, or when the profile forbids it', async () => {
    await call({ dataTools: user, model: () => 'Hola.' });
    await ask('Hola');
    expect(toolNames(requests()[0])).toEqual([]);
    expect(requests()[0]?.body.messages[0]?.content).not.toContain('look_up');
    await session.close();
    await engines.close();
    await call({ dataTools: { orders }, permissions: { look_up: { allowed: false } }, model: () => 'Hola.' });
    await ask('Hola');
    expect(toolNames(requests()[0])).toEqual([]);
  });
});

describe('update_data', () => {
  it('changes what the caller has confirmed: asked exactly, and said when it is done', async () => {
    const { patches } = await call({
      dataTools: user,
      permissions: allowed,
      model: (messages) =>
        lastOf(messages)?.content.startsWith('Mi correo') === true
          ? update('/user_context/email', 'eva@example.com')
          : 'No lo sé.',
    });
    expect(await ask('Mi correo es eva@example.com')).toBe(
      'Voy a poner eva@example.com en correo. ¿Lo confirmas?',
    );
    expect(patches).toEqual([]);
    expect(await ask('Sí, por favor.')).toBe('Hecho, ya está cambiado.');
    expect(patches).toEqual([{ user_context: { email: 'eva@example.com' } }]);
    // The model was asked once: neither the question nor the yes is its business.
    expect(requests()).toHaveLength(1);
    expect(await ask('¿Y ahora?')).toBe('No lo sé.');
    expect(patches).toHaveLength(1);
  });

  it('changes nothing after a no, or after words that are neither', async () => {
    const { patches } = await call({
      dataTools: user,
      permissions: allowed,
      model: (messages) =>
        lastOf(messages)?.content.startsWith('Mi correo') === true
          ? update('email', 'x@example.com')
          : 'Vale.',
    });
    // The path is wrong too: the model hears of it and says something.
    expect(await ask('Mi correo es otro')).not.toContain('¿Lo confirmas?');
    expect(patches).toEqual([]);
  });

  it('is not there unless the profile allows it, and then not called either', async () => {
    const { patches } = await call({ dataTools: user, model: () => update('/user_context/email', 'x@y.z') });
    await ask('Hola');
    expect(toolNames(requests()[0])).toEqual([]);
    expect(patches).toEqual([]);
  });

  it('asks nobody where the profile says that it need not', async () => {
    const { patches } = await call({
      dataTools: user,
      permissions: { update_data: { allowed: true, confirm: false } },
      model: (messages) => (lastOf(messages)?.role === 'tool' ? 'Listo.' : update('/user_context/age', '31')),
    });
    expect(await ask('Tengo 31 años')).toBe('Listo.');
    // A number stays a number.
    expect(patches).toEqual([{ user_context: { age: 31 } }]);
  });

  it.each([
    ['sí', true],
    ['No.', false],
    ['True', true],
    ['false', false],
  ])('takes «%s» for a value that is true or false', async (given, value) => {
    const { patches } = await call({
      dataTools: { app_data: { beta: !value } },
      permissions: { update_data: { allowed: true, confirm: false } },
      model: (messages) => (lastOf(messages)?.role === 'tool' ? 'Listo.' : update('/app_data/beta', given)),
    });
    await ask('Cámbialo');
    expect(patches).toEqual([{ app_data: { beta: value } }]);
  });

  it.each([
    ['what is private', '/private/plan', 'gold', prompts.tools.update_data.not_allowed],
    [
      'what is private, by another name',
      'Datos internos.plan',
      'gold',
      prompts.tools.update_data.not_allowed,
    ],
    ['a path that the profile does not name', '/cart/total', '0', prompts.tools.update_data.not_allowed],
    ['a group', '/user_context', 'x', prompts.tools.update_data.not_single],
    ['a number to words', '/user_context/age', 'treinta', prompts.tools.update_data.wrong_type],
    ['what is not there', '/nothing/here', 'x', 'No hay ningún dato en /nothing/here.'],
  ])('does not change %s', async (_, path, value, told) => {
    const { patches } = await call({
      dataTools: { ...user, private: { plan: 'free' }, cart: { total: 5 } },
      permissions: { update_data: { allowed: true, confirm: false, paths: ['/user_context'] } },
      model: (messages) =>
        lastOf(messages)?.role === 'tool' ? (lastOf(messages)?.content ?? '') : update(path, value),
    });
    expect(await ask('Cámbialo')).toBe(told);
    expect(patches).toEqual([]);
  });

  const cart = (...names: string[]) => ({ cart: { items: names.map((name) => ({ name, n: 1 })) } });

  it('changes another item of a list than the caller has confirmed in no case', async () => {
    const { patches, replace } = await call({
      dataTools: cart('laptop', 'mouse'),
      permissions: allowed,
      model: () => update('/cart/items/1/n', '2'),
    });
    await ask('Dos ratones, por favor');
    replace(cart('laptop', 'cable', 'mouse'));
    expect(await ask('Sí.')).toBe(prompts.tools.failed);
    expect(patches).toEqual([]);
  });

  it('changes the item that was confirmed in a list that has got longer', async () => {
    const { patches, replace } = await call({
      dataTools: cart('laptop', 'mouse'),
      permissions: allowed,
      model: () => update('/cart/items/1/n', '2'),
    });
    await ask('Dos ratones, por favor');
    replace(cart('laptop', 'mouse', 'cable'));
    expect(await ask('Sí.')).toBe(prompts.tools.done);
    const [laptop, mouse, cable] = cart('laptop', 'mouse', 'cable').cart.items;
    expect(patches).toEqual([{ cart: { items: [laptop, { ...mouse, n: 2 }, cable] } }]);
  });

  it('replaces a list only while it is the one that the agent knows', async () => {
    const { patches, ifMatch } = await call({
      status: 412,
      dataTools: { ...cart('laptop'), ...user },
      permissions: allowed,
      model: (messages) =>
        lastOf(messages)?.content.startsWith('Mi correo') === true
          ? update('/user_context/email', 'x')
          : update('/cart/items/0/n', '2'),
    });
    await ask('Dos');
    expect(await ask('Sí.')).toBe(prompts.tools.failed);
    await ask('Mi correo es x');
    await ask('Sí.');
    // A value that is in no list is set whatever else has changed.
    expect(patches).toHaveLength(2);
    expect(ifMatch).toEqual(['"7"', undefined]);
  });

  it('changes an item of a list without losing the others, and adds a key', async () => {
    const { patches } = await call({
      dataTools: {
        cart: {
          items: [
            { name: 'laptop', n: 1 },
            { name: 'mouse', n: 1 },
          ],
        },
      },
      permissions: { update_data: { allowed: true, confirm: false } },
      model: (messages) => {
        const last = lastOf(messages);
        if (last?.role === 'tool') return 'Listo.';
        return last?.content === 'uno' ? update('/cart/items/1/n', '2') : update('cart.coupon', 'VERANO');
      },
    });
    await ask('uno');
    await ask('dos');
    expect(patches).toEqual([
      {
        cart: {
          items: [
            { name: 'laptop', n: 1 },
            { name: 'mouse', n: 2 },
          ],
        },
      },
      { cart: { coupon: 'VERANO' } },
    ]);
  });

  it('says so when the API refuses the change, or does not answer', async () => {
    const refusing = (status: number) =>
      call({
        status,
        dataTools: user,
        permissions: allowed,
        model: () => update('/user_context/email', 'x'),
      });
    await refusing(400);
    await ask('Mi correo es x');
    expect(await ask('Sí.')).toBe(prompts.tools.update_data.refused);
    await session.close();
    await engines.close();
    await refusing(503);
    await ask('Mi correo es x');
    expect(await ask('Sí.')).toBe(prompts.tools.failed);
  });
});
