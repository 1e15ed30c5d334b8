import { readdir, readFile } from 'node:fs/promises';
import { RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { resampled } from '../../src/channels/resampled.ts';
import { type DevStack, fixedModels, startDevStack } from '../support/dev-stack.ts';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty-proxy.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { freePort } from '../support/livekit-server.ts';
import { recordedSpeech, SPEECH_SAMPLE_RATE } from '../support/recorded-speech.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { Softphone } from '../support/softphone.ts';

const CALLER = '+34600000001';
const SHOP = '+34911234567';
const AGENT = 'sip-session';

let sip: SipStack;
let engines: FixedEngines;
let hook: HttpReceiver;
let proxy: FaultyProxy;
let dev: DevStack;
let rooms: RoomServiceClient;
let phone: Softphone;

beforeAll(async () => {
  sip = await startSipStack();
  await sip.takeCalls({ agentName: AGENT });
  engines = await startFixedEngines({ transcript: '¿Qué tengo en el carrito?', answer: 'Una laptop.' });
  hook = await startHttpReceiver();
  hook.answer = ({ body }, response) => {
    const { phone: number } = body as { phone?: string };
    const known = number === CALLER ? { user_context: { name: 'Ana' }, cart: ['laptop'] } : {};
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ data_tools: known }));
  };
  const port = await freePort();
  proxy = await startFaultyProxy(`http://127.0.0.1:${port}`);
  dev = await startDevStack({
    ...fixedModels(engines, sip.livekit.url, AGENT),
    LIVEKIT_API_KEY: sip.livekit.apiKey,
    LIVEKIT_API_SECRET: sip.livekit.apiSecret,
    PORT: String(port),
    API_URL: proxy.url,
    DATA_TOOLS_URL: hook.url,
    DATA_TOOLS_FRESH_SECONDS: '0',
  });
  const { url, apiKey, apiSecret } = sip.livekit;
  rooms = new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret);
});
afterAll(async () => {
  await dev?.stop();
  await proxy?.close();
  await hook?.stop();
  await engines?.close();
  await sip?.stop();
});
beforeEach(async () => {
  phone = await Softphone.start({ number: CALLER });
});
afterEach(async () => {
  proxy.fault = 'ok';
  await phone.stop();
  // An agent that came late leaves, too.
  await expect.poll(() => rooms.listRooms(), { timeout: 10_000 }).toEqual([]);
});

interface Listed {
  [key: string]: unknown;
  session_id: string;
  id: string;
  status: string;
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${dev.apiUrl}${path}`);
  expect(response.status, path).toBe(200);
  return (await response.json()) as T;
}

/** What the API lists, newest first. */
async function newest(path: '/sessions' | '/calls'): Promise<Listed | undefined> {
  return (await get<{ items: Listed[] }>(`${path}?limit=1`)).items[0];
}

async function profile(name: string, settings: object): Promise<void> {
  const response = await fetch(`${dev.apiUrl}/profiles/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  });
  expect(response.ok, await response.clone().text()).toBe(true);
}

/** Processes of jobs, those that wait for one too. */
async function jobProcesses(): Promise<Set<number>> {
  const parents = new Map<number, number>();
  const jobs: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('job_proc_lazy_main')) jobs.push(pid);
  }
  const isOurs = (pid: number): boolean => pid === dev.pid || (pid > 1 && isOurs(parents.get(pid) ?? 0));
  return new Set(jobs.filter(isOurs));
}

/** The history of the newest call, once it is over. */
async function history() {
  await expect.poll(async () => (await newest('/calls'))?.outcome, { timeout: 10_000 }).not.toBeNull();
  return get<{ outcome: string; turns: { role: string; text: string }[]; phone: unknown }>(
    `/calls/${(await newest('/calls'))?.id}`,
  );
}

it('a caller is known by their number, answered as the number that they called is, and in the history', async () => {
  await profile('shop', { instructions: 'Attends a shop.', numbers: [SHOP] });
  await phone.call(sip.uri(SHOP));
  await phone.ears.until(() => phone.ears.firstSoundAfter(0), 20_000, 'the greeting');
  await phone.ears.quiet();
  const ends = { direction: 'inbound', caller: CALLER, called: SHOP };
  expect(await newest('/sessions')).toMatchObject({
    user_id: CALLER,
    profile: 'shop',
    channel: 'sip',
    status: 'active',
    phone: ends,
  });
  expect(hook.received.at(-1)?.body).toMatchObject({ phone: CALLER, profile: 'shop', channel: 'sip' });
  await phone.ask(resampled(recordedSpeech(), SPEECH_SAMPLE_RATE, 8_000));
  const asked = engines.requests.findLast(({ kind }) => kind === 'llm');
  expect(JSON.stringify(asked)).toContain('Attends a shop.');
  await phone.hangUp();
  const { outcome, turns, phone: kept } = await history();
  expect(outcome).toBe('participant_disconnected');
  expect(kept).toEqual(ends);
  expect(turns.map(({ role, text }) => `${role}: ${text}`)).toEqual([
    expect.stringMatching(/^assistant: .*Ana/),
    'user: ¿Qué tengo en el carrito?',
    'assistant: Una laptop.',
  ]);
});

it('a caller who hangs up leaves neither a room nor a process behind', async () => {
  const before = await jobProcesses();
  await phone.call(sip.uri(SHOP));
  await phone.ears.until(() => phone.ears.firstSoundAfter(0), 20_000, 'the greeting');
  await phone.hangUp();
  await expect.poll(() => rooms.listRooms(), { timeout: 10_000 }).toEqual([]);
  expect((await history()).outcome).toBe('participant_disconnected');
  // One of those that waited took the call, and is gone with it.
  const gone = async () => {
    const now = await jobProcesses();
    return [...before].filter((pid) => !now.has(pid)).length;
  };
  await expect.poll(gone, { timeout: 10_000 }).toBe(1);
  await expect.poll(async () => (await newest('/sessions'))?.status).toBe('ended');
});

it('a session that a server ends hangs up at the caller', async () => {
  await phone.call(sip.uri(SHOP));
  await phone.ears.until(() => phone.ears.firstSoundAfter(0), 20_000, 'the greeting');
  const session = await newest('/sessions');
  await fetch(`${dev.apiUrl}/sessions/${session?.session_id}/end`, { method: 'POST' });
  await phone.ended(10_000);
  expect(await newest('/sessions')).toMatchObject({ session_id: session?.session_id, status: 'ended' });
  await expect.poll(async () => (await newest('/calls'))?.outcome, { timeout: 10_000 }).not.toBeNull();
});

it('who hangs up before the agent has come leaves nothing behind', async () => {
  await phone.dial(sip.uri(SHOP));
  await expect.poll(async () => (await rooms.listRooms()).length, { timeout: 10_000, interval: 10 }).toBe(1);
  await phone.hangUp();
  await phone.ended();
  await expect.poll(() => rooms.listRooms(), { timeout: 10_000 }).toEqual([]);
});

it('who hangs up before they are greeted is in the history all the same', async () => {
  const last = (await newest('/calls'))?.id;
  await phone.call(sip.uri(SHOP));
  await phone.hangUp();
  await expect.poll(() => rooms.listRooms(), { timeout: 10_000 }).toEqual([]);
  await expect.poll(async () => (await newest('/calls'))?.id, { timeout: 10_000 }).not.toBe(last);
  expect((await history()).outcome).toBe('participant_disconnected');
  await expect.poll(async () => (await newest('/sessions'))?.status).toBe('ended');
});

it('while the API is away callers are greeted all the same, and are in its history when it is back', async () => {
  proxy.fault = 'down';
  await phone.call(sip.uri('+34911999999'));
  await phone.ears.until(() => phone.ears.firstSoundAfter(0), 20_000, 'the greeting');
  await phone.ears.quiet();
  const last = (await newest('/sessions'))?.session_id;
  proxy.fault = 'ok';
  await expect.poll(async () => (await newest('/sessions'))?.session_id, { timeout: 20_000 }).not.toBe(last);
  await phone.ask(resampled(recordedSpeech(), SPEECH_SAMPLE_RATE, 8_000));
  // Meanwhile the data that the hook has of them is there.
  expect(JSON.stringify(engines.requests.findLast(({ kind }) => kind === 'llm'))).toContain('laptop');
  await phone.hangUp();
  const { turns, outcome } = await history();
  expect(outcome).toBe('participant_disconnected');
  expect(turns.map(({ role }) => role)).toEqual(['assistant', 'user', 'assistant']);
});

it('a caller who withholds their number is somebody without a number', async () => {
  const anonymous = await Softphone.start({ number: 'anonymous' });
  try {
    await anonymous.call(sip.uri(SHOP));
    await anonymous.ears.until(() => anonymous.ears.firstSoundAfter(0), 20_000, 'the greeting');
    expect(await newest('/sessions')).toMatchObject({
      user_id: expect.stringMatching(/^anonymous-SCL_/),
      phone: { direction: 'inbound', caller: null, called: SHOP },
    });
  } finally {
    await anonymous.stop();
  }
});
