import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { type AudioSocketCall, callByAudioSocket } from '../support/audiosocket-carrier.ts';
import { census, expectNothingLeft } from '../support/census.ts';
import { type DevStack, fixedModels, startDevStack } from '../support/dev-stack.ts';
import { missingFacts } from '../support/facts.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { hearTelephone, telephoneSpeech } from '../support/speech.ts';
import { heardMs } from '../support/telephone.ts';
import {
  CART,
  CART_FACTS,
  CART_QUESTION,
  LONG_ANSWER,
  speakOverAnswer,
} from '../support/telephone-scenes.ts';

const { apiUrl, inferenceUrl, livekitUrl, audioSocketPort } = inject('stack');

let calls: AudioSocketCall[] = [];
afterEach(async () => {
  await Promise.all(calls.map((call) => call.hangUp()));
  calls = [];
});

async function dial(port: number, id?: string): Promise<AudioSocketCall> {
  const call = await callByAudioSocket(port, id === undefined ? {} : { id });
  calls.push(call);
  return call;
}

async function get<T>(apiUrl: string, path: string): Promise<T> {
  return (await (await fetch(`${apiUrl}${path}`)).json()) as T;
}

interface SessionList {
  items: { id: string; user_id: string; channel: string; status: string }[];
}

/** Waits until no session is active any more. */
async function nobodyIsThere(apiUrl: string): Promise<void> {
  await expect
    .poll(async () => (await get<SessionList>(apiUrl, '/sessions?status=active')).items, { timeout: 10_000 })
    .toEqual([]);
}

describe('with the local models', () => {
  it('a caller whom the switchboard announced hears what is known of them', async () => {
    const id = randomUUID();
    const announced = await fetch(`${apiUrl}/calls/audiosocket/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ caller: '+34600111222', called: '+34911234567', data_tools: CART }),
    });
    expect(announced.status).toBe(200);
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const { telephone, pieceMs } = await dial(audioSocketPort, id);
    await telephone.until(() => telephone.firstSoundAfter(0), 60_000, 'the greeting');
    await telephone.quiet();

    const askedAt = await telephone.say(question);
    // On a busy machine «un momento» comes first.
    await vi.waitFor(
      async () => {
        await telephone.quiet();
        const heard = await hearTelephone(inferenceUrl, telephone.recording(askedAt), 'es');
        expect(missingFacts(heard, CART_FACTS, true), heard).toEqual([]);
      },
      { timeout: 90_000, interval: 1_000 },
    );
    expect([...pieceMs]).toEqual([20]);
    const { items } = await get<SessionList>(apiUrl, '/sessions?status=active&user_id=%2B34600111222');
    expect(items).toMatchObject([{ channel: 'audiosocket' }]);
  });
});

describe('with engines of fixed answers', () => {
  /** Of its ten seconds, those in which it is no pause. */
  const ANSWER_MS = 7_000;
  let engines: FixedEngines;
  let stack: DevStack;
  let port: number;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'charla-audiosocket-test-'));
    port = await getPort();
    engines = await startFixedEngines({ answer: LONG_ANSWER, transcript: '¿Y los informes?' });
    stack = await startDevStack({
      ...fixedModels(engines, livekitUrl, 'audiosocket'),
      AUDIOSOCKET_PORT: String(port),
      TMPDIR: folder,
    });
  });
  afterAll(async () => {
    await stack?.stop();
    await engines?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('the caller’s voice stops the agent', async () => {
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const { telephone } = await dial(port);
    await telephone.until(() => telephone.firstSoundAfter(0), 60_000, 'the greeting');
    await telephone.quiet();
    const { beganAt, interruptedAt, saidAt, stoppedAt } = await speakOverAnswer(telephone, () =>
      telephone.say(question),
    );
    expect(stoppedAt).toBeGreaterThan(beganAt);
    expect(stoppedAt, 'the agent talked over the caller').toBeLessThan((interruptedAt + saidAt) / 2);
    // And then answers what was said over it.
    await telephone.until(() => telephone.firstSoundAfter(saidAt), 30_000, 'the second answer');
  });

  it('who hangs up is gone: the session is over, and its room closed', async () => {
    const id = randomUUID();
    const call = await dial(port, id);
    await call.telephone.until(() => call.telephone.firstSoundAfter(0), 60_000, 'the greeting');
    await call.hangUp();
    await nobodyIsThere(stack.apiUrl);
  });

  it('ten calls at once are all answered, and nothing of them stays', async () => {
    const before = await census(stack.pid, folder);
    const question = await telephoneSpeech(inferenceUrl, CART_QUESTION);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const call = await dial(port);
        const { telephone } = call;
        await telephone.until(() => telephone.firstSoundAfter(0), 150_000, 'the greeting');
        await telephone.quiet();
        const askedAt = await telephone.say(question);
        // All of it, though a machine that is busy with ten calls pauses between two clauses.
        await telephone.until(
          () => heardMs(telephone.recording(askedAt)).soundMs > ANSWER_MS,
          120_000,
          'all of the answer',
        );
        await call.hangUp();
        return performance.now() - askedAt;
      }),
    );
    expect(answers).toHaveLength(10);
    await nobodyIsThere(stack.apiUrl);
    await expectNothingLeft(before, stack.pid, folder);
  });
});
