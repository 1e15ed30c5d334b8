import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { until } from '../cli/support.ts';
import { fixedModels } from '../support/dev-stack.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { type CharlaProcess, startCharla } from '../support/run-charla.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { Softphone } from '../support/softphone.ts';

const NUMBER = '+34600000002';
const OURS = '+34910000000';
const GREETING = loadPrompts('es').greeting('Ana');
/** Of the fixed engines' voice. */
const MS_PER_CHARACTER = 60;
const SLOW = { timeout: 30_000, interval: 100 };

interface History {
  id: string;
  session_id: string;
  outcome: string | null;
  dial: { state: string; sip_status: number | null };
  turns: { role: string; text: string }[];
}

let sip: SipStack;
let postgres: TestPostgres;
let engines: FixedEngines;
let receiver: HttpReceiver;
let home: string;
let servers: { url: string; process: CharlaProcess }[];
let worker: CharlaProcess;
let phone: Softphone;
let trunk: string;

beforeAll(async () => {
  [sip, postgres, engines, receiver, home] = await Promise.all([
    startSipStack(),
    startPostgres(),
    startFixedEngines({ answer: 'De acuerdo.', transcript: 'Sí.', msPerCharacter: MS_PER_CHARACTER }),
    startHttpReceiver(),
    mkdtemp(join(tmpdir(), 'charla-outbound-')),
  ]);
  const env = {
    ...fixedModels(engines, sip.livekit.url, 'outbound'),
    NODE_ENV: 'development',
    LIVEKIT_API_KEY: sip.livekit.apiKey,
    LIVEKIT_API_SECRET: sip.livekit.apiSecret,
    DATABASE_URL: postgres.url,
    CHARLA_HOME: home,
    LLM_MODEL: 'fixed',
    WEBHOOK_URLS: receiver.url,
  };
  const urls = [await serverUrl(), await serverUrl()];
  servers = urls.map((url) => ({ url, process: startCharla('serve', { ...env, PORT: new URL(url).port }) }));
  worker = startCharla('worker', {
    ...env,
    API_URL: urls.join(','),
    WORKER_PORT: String(await getPort()),
    WORKER_METRICS_PORT: String(await getPort()),
  });
  for (const url of urls) await until(() => answers(url));
  await until(() => worker.output().includes('"msg":"registered"'));
});
afterAll(async () => {
  await Promise.all([worker, ...(servers ?? []).map(({ process }) => process)].map((one) => one?.end()));
  await postgres?.remove();
  await engines?.close();
  await receiver?.stop();
  await sip?.stop();
  if (home !== undefined) await rm(home, { recursive: true });
});
beforeEach(async () => {
  phone = await Softphone.start({ number: NUMBER });
  trunk = await sip.dialOut({ port: phone.port, number: OURS });
});
afterEach(async () => {
  await phone.stop();
  await sip.sip.deleteSipTrunk(trunk);
});

async function serverUrl(): Promise<string> {
  return `http://127.0.0.1:${await getPort()}`;
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/settings`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function url(index: number): string {
  return servers[index]?.url ?? '';
}

async function place(index: number): Promise<History> {
  const response = await fetch(`${url(index)}/calls`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: NUMBER, data_tools: { user_context: { name: 'Ana' } } }),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as History;
}

async function read(index: number, path: string): Promise<History> {
  return (await (await fetch(`${url(index)}${path}`)).json()) as History;
}

/** Types of the webhooks that told of a call, in their order. */
const webhooks = (id: string) =>
  receiver.received
    .map(({ body }) => body as { type: string; data: { id?: string; outcome?: string | null } })
    .filter(({ data }) => data.id === id)
    .map(({ type, data }) => `${type} ${data.outcome}`);

/** Waits until the agent only waits for somebody to answer. */
async function agentIsReady(session: string): Promise<void> {
  await expect
    .poll(
      () =>
        worker
          .output()
          .split('\n')
          .some((line) => line.includes('ready for the caller') && line.includes(session)),
      SLOW,
    )
    .toBe(true);
}

/** The greeting was heard from its beginning to its end, after the phone was answered. */
async function greeted(answeredAt: number): Promise<void> {
  const first = await phone.ears.until(() => phone.ears.firstSoundAfter(answeredAt), 20_000, 'the greeting');
  await phone.ears.quiet();
  const heardMs = (phone.ears.lastSound() ?? first) - first;
  expect(heardMs).toBeGreaterThan(0.9 * GREETING.length * MS_PER_CHARACTER);
  expect(phone.ears.firstSoundAfter(0)).toBe(first);
}

it('whoever is called hears the greeting when they answer, all of it, and the call is in the history', async () => {
  const { id, session_id } = await place(0);
  await phone.rings();
  await agentIsReady(session_id);
  expect(await read(1, `/calls/${id}`)).toMatchObject({ dial: { state: 'ringing' }, turns: [] });
  const answeredAt = performance.now();
  await phone.answer();
  await greeted(answeredAt);
  await expect.poll(async () => (await read(1, `/calls/${id}`)).dial.state, SLOW).toBe('answered');
  await phone.hangUp();
  await expect
    .poll(() => read(1, `/calls/${id}`), SLOW)
    .toMatchObject({
      outcome: 'participant_disconnected',
      dial: { state: 'answered', sip_status: 200 },
      turns: [{ role: 'assistant', text: GREETING }],
    });
  await expect
    .poll(() => webhooks(id), SLOW)
    .toEqual(['call.started null', 'call.ended participant_disconnected']);
});

it('whoever does not want the call refuses it, and the agent says nothing', async () => {
  const spoken = engines.requests.length;
  const { id, session_id } = await place(0);
  await phone.rings();
  await agentIsReady(session_id);
  await phone.hangUp();
  await expect
    .poll(() => read(0, `/calls/${id}`), SLOW)
    .toMatchObject({ outcome: 'busy', dial: { state: 'busy', sip_status: 486 }, turns: [] });
  expect(await read(0, `/sessions/${session_id}`)).toMatchObject({ status: 'ended' });
  await expect.poll(() => webhooks(id), SLOW).toEqual(['call.ended busy']);
  expect(engines.requests.slice(spoken).filter(({ kind }) => kind === 'stt')).toEqual([]);
});

it('a call goes on whose server is killed while it rings, and its history is whole', async () => {
  const { id, session_id } = await place(0);
  await phone.rings();
  await agentIsReady(session_id);
  await servers[0]?.process.end('SIGKILL');
  const answeredAt = performance.now();
  await phone.answer();
  await greeted(answeredAt);
  await phone.hangUp();
  await expect
    .poll(() => read(1, `/calls/${id}`), SLOW)
    .toMatchObject({
      outcome: 'participant_disconnected',
      dial: { state: 'answered' },
      turns: [{ role: 'assistant', text: GREETING }],
    });
  await expect
    .poll(async () => (await read(1, `/sessions/${session_id}`)) as object, SLOW)
    .toMatchObject({
      status: 'ended',
    });
});
