import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import getPort from 'get-port';
import { RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, onTestFailed, vi } from 'vitest';
import { assertPortsFree } from '../../src/cli/dev/port-holder.ts';
import { DEVELOPMENT_LIVEKIT_KEY, DEVELOPMENT_LIVEKIT_SECRET } from '../../src/config/development.ts';
import { isAlive } from '../cli/support.ts';
import { askForFacts, LOCAL_MODELS, phrasesReady } from '../support/ask-for-facts.ts';
import { census, descendants, expectNothingLeft } from '../support/census.ts';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import type { HttpReceiver } from '../support/http-receiver.ts';
import { callBySip, type SipCall } from '../support/sip-caller.ts';
import { Softphone } from '../support/softphone.ts';
import { telephoneSpeech } from '../support/speech.ts';
import { heardMs } from '../support/telephone.ts';
import {
  CART_FACTS,
  CART_QUESTION,
  LONG_ANSWER,
  speakOverAnswer,
  startCartHook,
} from '../support/telephone-scenes.ts';

const { inferenceUrl } = inject('stack');
const CALLER = '+34600111222';
const CALLS_AT_ONCE = 10;
/** What two cores carry beside whatever else runs here; more is for the benchmark. */
const CONVERSATIONS_AT_ONCE = 4;
const PATIENCE_MS = 90_000;

let phones: Softphone[] = [];
let calls: SipCall[] = [];
afterEach(async () => {
  await Promise.all([...phones.map((phone) => phone.stop()), ...calls.map((call) => call.hangUp())]);
  phones = [];
  calls = [];
});

/** `charla dev --sip`, with models at a URL. */
interface SipDevStack extends DevStack {
  /** What a telephone dials. */
  uri: string;
  sipPort: number;
}

async function startSipDevStack(baseUrl: string, env: Record<string, string> = {}): Promise<SipDevStack> {
  const sipPort = await getPort();
  const stack = await startDevStack(
    {
      STT_BASE_URL: baseUrl,
      LLM_BASE_URL: baseUrl,
      TTS_BASE_URL: baseUrl,
      SIP_PORT: String(sipPort),
      ...env,
    },
    ['--sip'],
  );
  // The API answers before livekit-sip has its trunk.
  await vi.waitUntil(() => stack.output().includes('Ready in'), { timeout: 60_000 });
  return { ...stack, sipPort, uri: `sip:+34910000000@127.0.0.1:${sipPort}` };
}

async function pickUpPhone(): Promise<Softphone> {
  const phone = await Softphone.start({ number: CALLER });
  phones.push(phone);
  return phone;
}

async function greeted(phone: Softphone): Promise<void> {
  await phone.ears.until(() => phone.ears.firstSoundAfter(0), 60_000, 'the greeting');
  await phone.ears.quiet();
}

describe('a call from a SIP telephone, with the local models', () => {
  let hook: HttpReceiver;
  let stack: SipDevStack;
  beforeAll(async () => {
    hook = await startCartHook();
    stack = await startSipDevStack(inferenceUrl, {
      DATA_TOOLS_URL: hook.url,
      ...LOCAL_MODELS,
    });
  });
  afterAll(async () => {
    await stack?.stop();
    await hook?.stop();
  });

  it('is answered, and the spoken answer holds what is known of the caller’s number', async () => {
    onTestFailed(() => console.log(stack.output()));
    await phrasesReady(stack);
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const phone = await pickUpPhone();
    await phone.call(stack.uri);
    await greeted(phone);

    const { missing, heard } = await askForFacts(phone.ears, () => phone.say(question), {
      inferenceUrl,
      facts: CART_FACTS,
    });
    expect(missing, heard).toEqual([]);
    expect(hook.received.map(({ body }) => body)).toContainEqual(expect.objectContaining({ phone: CALLER }));
  });

  it('tells the developer how to place it', () => {
    expect(stack.output()).toContain(`Call sip:+34910000000@127.0.0.1:${stack.sipPort} from a softphone`);
  });
});

describe('calls from SIP telephones, with engines of fixed answers', () => {
  let engines: FixedEngines;
  let stack: SipDevStack;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'charla-sip-test-'));
    engines = await startFixedEngines({ answer: LONG_ANSWER, transcript: '¿Y los informes?' });
    stack = await startSipDevStack(engines.baseUrl, { TMPDIR: folder });
  });
  afterAll(async () => {
    await stack?.stop();
    await engines?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('the caller’s voice stops the agent', async () => {
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const phone = await pickUpPhone();
    await phone.call(stack.uri);
    await greeted(phone);
    const { beganAt, interruptedAt, saidAt, stoppedAt } = await speakOverAnswer(phone.ears, () =>
      phone.say(question),
    );
    expect(stoppedAt).toBeGreaterThan(beganAt);
    expect(stoppedAt, 'the agent talked over the caller').toBeLessThan((interruptedAt + saidAt) / 2);
    // And then answers what was said over it.
    await phone.ears.until(() => phone.ears.firstSoundAfter(saidAt), 30_000, 'the second answer');
  });

  it('several at once all hear the answer', async () => {
    // Who is through first waits for the others, and is not to be asked meanwhile whether they are there.
    const patient = await fetch(`${stack.apiUrl}/profiles/sip`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ silence: { after_s: 300 } }),
    });
    expect(patient.ok, await patient.text()).toBe(true);
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const telephones = await Promise.all(
      Array.from({ length: CONVERSATIONS_AT_ONCE }, async (_, index) => {
        const call = await callBySip(stack.sipPort, {
          from: `+3460011220${index}`,
          to: '+34910000000',
        });
        calls.push(call);
        const { telephone } = call;
        await telephone.until(() => telephone.firstSoundAfter(0), PATIENCE_MS, 'the greeting');
        await telephone.quiet();
        return telephone;
      }),
    );
    const answers = await Promise.all(telephones.map((telephone) => telephone.ask(question, PATIENCE_MS)));
    const heard = answers.map(({ pcm }) => heardMs(pcm));
    // How even it is, a busy machine decides: `npm run bench -- phone` measures that.
    console.log(`the longest gap of each: ${heard.map(({ gapMs }) => gapMs).join(', ')} ms`);
    for (const { soundMs } of heard) expect(soundMs).toBeGreaterThan(5_000);
  });

  it('ten at once are all answered, and nothing of them stays', async () => {
    await vi.waitUntil(async () => (await rooms(stack)).length === 0, { timeout: 60_000, interval: 500 });
    const before = await census(stack.pid, folder);
    // sipp's own caller: INVITE, ACK, ten seconds of silence, BYE. It ends with 0 when all went well.
    const sipp = await execa(
      'sipp',
      [
        `127.0.0.1:${stack.sipPort}`,
        '-sn',
        'uac',
        '-s',
        '+34910000000',
        ...['-i', '127.0.0.1', '-p', String(await getPort()), '-mp', String(await getPort())],
        ...['-m', String(CALLS_AT_ONCE), '-l', String(CALLS_AT_ONCE), '-r', String(CALLS_AT_ONCE)],
        ...['-d', '10000', '-timeout', '120s', '-timeout_error', '-nostdin'],
      ],
      { cwd: folder, reject: false, stdin: 'ignore' },
    );
    expect(sipp.exitCode, sipp.stderr).toBe(0);

    await vi.waitUntil(async () => (await rooms(stack)).length === 0, { timeout: 60_000, interval: 500 });
    await expectNothingLeft(before, stack.pid, folder);
  });

  it('ends with everything that it started, and a call that runs hears BYE', async () => {
    const phone = await pickUpPhone();
    await phone.call(stack.uri);
    await greeted(phone);
    const started = await descendants(stack.pid);
    expect(await stack.stop()).toBe(0);
    await phone.ended();
    expect(started.filter(({ pid }) => isAlive(pid))).toEqual([]);
    await assertPortsFree([
      { port: stack.sipPort, host: '127.0.0.1', service: 'nobody', variable: 'SIP_PORT' },
    ]);
  });
});

async function rooms({ livekitUrl }: DevStack): Promise<string[]> {
  const client = new RoomServiceClient(
    livekitUrl.replace('ws', 'http'),
    DEVELOPMENT_LIVEKIT_KEY,
    DEVELOPMENT_LIVEKIT_SECRET,
  );
  return (await client.listRooms()).map(({ name }) => name);
}
