import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { askForFacts, LOCAL_MODELS, phrasesReady } from '../support/ask-for-facts.ts';
import { type DevStack, fixedModels, startDevStack } from '../support/dev-stack.ts';
import { type ChatMessage, type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import type { HttpReceiver } from '../support/http-receiver.ts';
import { telephoneSpeech } from '../support/speech.ts';
import {
  CART_FACTS,
  CART_QUESTION,
  endedCall,
  LONG_ANSWER,
  speakOverAnswer,
  startCartHook,
} from '../support/telephone-scenes.ts';
import { type TelnyxCall, type TelnyxCallOptions, TelnyxCarrier } from '../support/telnyx-carrier.ts';

const { inferenceUrl, livekitUrl } = inject('stack');
const CALLER = '+34600111222';
const CALLED = '+34911234567';

let telnyx: TelnyxCarrier;
let stack: DevStack | undefined;

/** Our stack, and Telnyx, which has its account. */
async function start(env: Record<string, string>): Promise<void> {
  telnyx = await TelnyxCarrier.start();
  const port = await getPort();
  const publicUrl = `http://127.0.0.1:${port}`;
  stack = await startDevStack({ ...env, PORT: String(port), ...telnyx.env(publicUrl) });
  telnyx.use(publicUrl);
}

async function stop(): Promise<void> {
  await telnyx?.stop();
  await stack?.stop();
  stack = undefined;
}

afterEach(() => telnyx?.hangUpAll());

async function callAndListen(options: TelnyxCallOptions = {}): Promise<TelnyxCall> {
  const call = await telnyx.call({ from: CALLER, to: CALLED, ...options });
  await call.telephone.until(() => call.telephone.firstSoundAfter(0), 60_000, 'the greeting');
  await call.telephone.quiet();
  return call;
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${stack?.apiUrl}${path}`)).json()) as T;
}

describe('a call over Telnyx, with the local models', () => {
  let hook: HttpReceiver;
  beforeAll(async () => {
    hook = await startCartHook();
    await start({
      ...fixedModels({ baseUrl: inferenceUrl }, livekitUrl, 'telnyx-local'),
      ...LOCAL_MODELS,
      DATA_TOOLS_URL: hook.url,
    });
  });
  afterAll(async () => {
    await stop();
    await hook?.stop();
  });

  it('is answered, and the spoken answer holds what is known of the caller’s number', async () => {
    await phrasesReady(stack);
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const call = await callAndListen();
    const { missing, heard } = await askForFacts(call.telephone, () => call.telephone.say(question), {
      inferenceUrl,
      facts: CART_FACTS,
    });
    expect(missing, heard).toEqual([]);
    expect(hook.received.map(({ body }) => body)).toContainEqual(expect.objectContaining({ phone: CALLER }));

    await call.hangUp();
    expect(await endedCall(stack?.apiUrl)).toMatchObject({
      channel: 'telnyx',
      user_id: CALLER,
      outcome: 'participant_disconnected',
      phone: { direction: 'inbound', caller: CALLER, called: CALLED },
    });
  });
});

describe('calls over Telnyx, with engines of fixed answers', () => {
  let engines: FixedEngines;
  let transcript = CART_QUESTION;
  let question: Int16Array;

  /** What was said last decides. */
  const answer = (messages: ChatMessage[]) => {
    const { role, content } = messages.at(-1) ?? { role: '', content: '' };
    const said = String(content);
    if (role === 'tool') return 'De acuerdo.';
    if (said.includes('adiós')) return { call: 'hang_up', args: {} };
    if (said.includes('ventas')) return { call: 'transfer', args: { to: 'Ventas' } };
    if (said.includes('marca')) return { call: 'send_dtmf', args: { digits: '12#' } };
    return LONG_ANSWER;
  };

  beforeAll(async () => {
    engines = await startFixedEngines({ answer, transcript: () => transcript });
    await start(fixedModels(engines, livekitUrl, 'telnyx-fixed'));
    const profile = await fetch(`${stack?.apiUrl}/profiles/ventas`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        numbers: [CALLED],
        tools: {
          hang_up: { allowed: true },
          send_dtmf: { allowed: true },
          transfer: { allowed: true, to: [{ name: 'Ventas', number: '+34900111222' }] },
        },
      }),
    });
    expect(profile.status).toBe(201);
    question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
  });
  afterAll(async () => {
    await stop();
    await engines?.close();
  });

  it('the caller’s voice stops the agent, and what Telnyx had buffered is thrown away', async () => {
    transcript = CART_QUESTION;
    const { telephone, received } = await callAndListen();
    const cleared = () => received.filter(({ event }) => event === 'clear').length;
    const before = cleared();
    const { beganAt, interruptedAt, saidAt, stoppedAt } = await speakOverAnswer(telephone, () =>
      telephone.say(question),
    );
    expect(stoppedAt).toBeGreaterThan(beganAt);
    expect(stoppedAt, 'the agent talked over the caller').toBeLessThan((interruptedAt + saidAt) / 2);
    expect(cleared()).toBeGreaterThan(before);
    expect(received.filter(({ event }) => event === 'mark').length).toBeGreaterThan(0);
  });

  it('keys go both ways', async () => {
    const call = await callAndListen();
    for (const digit of '42#') call.press(digit);
    const asked = () =>
      engines.requests.some((one) => one.kind === 'llm' && JSON.stringify(one.body.messages).includes('42'));
    await call.telephone.until(asked, 15_000, 'the model to be told of the keys');
    transcript = 'Por favor, marca la extensión.';
    await call.telephone.say(question);
    await call.telephone.until(() => call.keys.length > 0, 30_000, 'the agent to press keys');
    expect(call.keys).toEqual(['12#']);
  });

  it('the agent hangs up: the call is over at Telnyx, and the history says who ended it', async () => {
    const call = await callAndListen();
    transcript = 'Eso es todo, adiós.';
    await call.telephone.say(question);
    await call.telephone.until(() => call.status === 'over', 30_000, 'the call to end');
    expect(call.endedBy).toBe('command');
    expect(await endedCall(stack?.apiUrl)).toMatchObject({
      profile: 'ventas',
      outcome: 'agent_hung_up',
      phone: { direction: 'inbound', caller: CALLER, called: CALLED },
    });
  });

  it('nobody answers where the agent gives the call to: the caller still has the agent', async () => {
    const call = await callAndListen({ transferred: 'no_answer' });
    transcript = 'Ponme con ventas.';
    await call.telephone.say(question);
    await call.telephone.until(() => call.dialled.length > 0, 30_000, 'the other number to be dialled');
    expect(call.dialled).toEqual(['+34900111222']);
    const backAt = performance.now();
    await call.telephone.until(() => call.telephone.firstSoundAfter(backAt), 30_000, 'the agent to go on');
    expect(call.status).toBe('answered');
  });

  it('somebody answers there: the call goes on without the agent, and is transferred in the history', async () => {
    const call = await callAndListen({ transferred: 'answered' });
    transcript = 'Ponme con ventas.';
    await call.telephone.say(question);
    await call.telephone.until(() => call.closed !== undefined, 30_000, 'the stream to end');
    expect(await endedCall(stack?.apiUrl)).toMatchObject({ outcome: 'transferred' });
    expect(call.status).toBe('bridged');
  });

  it('nothing is left of them: no session that is open', async () => {
    await telnyx.hangUpAll();
    await vi.waitFor(
      async () => expect((await get<{ items: object[] }>('/sessions?status=active')).items).toEqual([]),
      { timeout: 10_000, interval: 100 },
    );
  });
});
