import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, onTestFailed, vi } from 'vitest';
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
import { type TwilioCall, type TwilioCallOptions, TwilioCarrier } from '../support/twilio-carrier.ts';

const { inferenceUrl, livekitUrl } = inject('stack');
const CALLER = '+34600111222';
const CALLED = '+34911234567';

let carrier: TwilioCarrier;
let stack: DevStack | undefined;

/** Our stack, and Twilio, which has its account. */
async function start(models: Record<string, string>): Promise<DevStack> {
  carrier = await TwilioCarrier.start();
  const port = await getPort();
  const publicUrl = `http://127.0.0.1:${port}`;
  stack = await startDevStack({ ...models, PORT: String(port), ...carrier.env(publicUrl) });
  carrier.use(publicUrl);
  return stack;
}

async function stop(): Promise<void> {
  await carrier?.stop();
  await stack?.stop();
  stack = undefined;
}

afterEach(async () => {
  await Promise.all([...carrier.calls.values()].map((call) => call.hangUp()));
});

async function callAndListen(options: TwilioCallOptions = {}): Promise<TwilioCall> {
  const call = await carrier.call({ from: CALLER, to: CALLED, ...options });
  await call.telephone.until(() => call.telephone.firstSoundAfter(0), 60_000, 'the greeting');
  await call.telephone.quiet();
  return call;
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${stack?.apiUrl}${path}`)).json()) as T;
}

describe('a call over Twilio, with the local models', () => {
  let hook: HttpReceiver;
  beforeAll(async () => {
    hook = await startCartHook();
    await start({
      ...fixedModels({ baseUrl: inferenceUrl }, livekitUrl, 'twilio-local'),
      ...LOCAL_MODELS,
      DATA_TOOLS_URL: hook.url,
    });
  });
  afterAll(async () => {
    await stop();
    await hook?.stop();
  });

  it('is answered, and the spoken answer holds what is known of the caller’s number', async () => {
    onTestFailed(() => console.log(stack?.output()));
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
      channel: 'twilio',
      user_id: CALLER,
      phone: { direction: 'inbound', caller: CALLER, called: CALLED },
    });
  });
});

describe('calls over Twilio, with engines of fixed answers', () => {
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
    return LONG_ANSWER;
  };

  beforeAll(async () => {
    engines = await startFixedEngines({ answer, transcript: () => transcript });
    await start(fixedModels(engines, livekitUrl, 'twilio-fixed'));
    const profile = await fetch(`${stack?.apiUrl}/profiles/ventas`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        numbers: [CALLED],
        tools: {
          hang_up: { allowed: true },
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

  it('the caller’s voice stops the agent, and what Twilio had buffered is thrown away', async () => {
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

  it('keys that the caller presses reach the agent', async () => {
    const call = await callAndListen();
    for (const digit of '42#') call.press(digit);
    const asked = () =>
      engines.requests.some((one) => one.kind === 'llm' && JSON.stringify(one.body.messages).includes('42'));
    await call.telephone.until(asked, 15_000, 'the model to be told of the keys');
  });

  it('the agent hangs up: the caller’s line is down, and the history says who ended it', async () => {
    const call = await callAndListen();
    transcript = 'Eso es todo, adiós.';
    await call.telephone.say(question);
    await call.over;
    expect(call.closed?.code).toBe(1000);
    expect(await endedCall(stack?.apiUrl)).toMatchObject({
      profile: 'ventas',
      outcome: 'agent_hung_up',
      phone: { direction: 'inbound', caller: CALLER, called: CALLED },
    });
  });

  it('the agent gives the call to another number, and has the caller back when nobody answers there', async () => {
    const call = await callAndListen();
    transcript = 'Ponme con ventas.';
    await call.telephone.say(question);
    await call.telephone.until(() => call.dialled.length > 0, 30_000, 'the other number to be dialled');
    expect(call.dialled).toEqual(['+34900111222']);
    await call.telephone.until(() => call.twiml.length === 3, 10_000, 'the caller to come back');
    const backAt = performance.now();
    await call.telephone.until(() => call.telephone.firstSoundAfter(backAt), 30_000, 'a greeting');
    expect(call.status).toBe('in-progress');
  });

  it('a status callback ends a call whose stream goes on', async () => {
    const call = await callAndListen();
    await carrier.post('/api/v1/twilio/status', call.form({ CallStatus: 'completed' }));
    await call.over;
    expect(call.closed?.code).toBe(1000);
    expect(await endedCall(stack?.apiUrl)).toMatchObject({ channel: 'twilio' });
  });

  it('nothing is left of them: no session that is open', async () => {
    await Promise.all([...carrier.calls.values()].map((call) => call.hangUp()));
    await vi.waitFor(
      async () => expect((await get<{ items: object[] }>('/sessions?status=active')).items).toEqual([]),
      { timeout: 10_000, interval: 100 },
    );
  });
});
