import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { callByAudioSocket } from '../support/audiosocket-carrier.ts';
import {
  freePort,
  startLivekitServer,
  type TestLivekitServer,
  testConfig,
} from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

let livekit: TestLivekitServer;
let app: Awaited<ReturnType<typeof buildTestServer>>;
let port: number;
beforeAll(async () => {
  livekit = await startLivekitServer();
  port = await freePort();
  app = await buildTestServer({ config: testConfig(livekit, { AUDIOSOCKET_PORT: String(port) }) });
  await app.ready();
});
afterAll(async () => {
  await app?.close();
  await livekit?.stop();
});

interface Sessions {
  items: { user_id: string; channel: string; profile: string; status: string }[];
}

async function sessions(): Promise<Sessions['items']> {
  return (await app.inject('/sessions')).json<Sessions>().items;
}

it('a call of Asterisk becomes a session with what was announced of it, which ends with it', async () => {
  const id = randomUUID();
  const payload = {
    caller: '0034 600 111 222',
    called: '100',
    profile: 'clinic',
    data_tools: { plan: 'gold' },
  };
  const answer = await app.inject({ method: 'POST', url: `/calls/audiosocket/${id}`, payload });
  expect(answer.json()).toEqual({ id, expires_in_seconds: 120 });

  const call = await callByAudioSocket(port, { id });
  await call.telephone.until(() => call.telephone.recording().length > 0, 10_000, 'sound');
  expect(await sessions()).toMatchObject([
    { user_id: '+34600111222', channel: 'audiosocket', profile: 'clinic', status: 'created' },
  ]);
  await call.hangUp();
  const over = async () => (await sessions()).every(({ status }) => status === 'ended');
  for (let tries = 0; tries < 100 && !(await over()); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await over()).toBe(true);
});

it('what is no number is a withheld one, and what is no UUID an error', async () => {
  const url = (id: string) => `/calls/audiosocket/${id}`;
  const anonymous = await app.inject({
    method: 'POST',
    url: url(randomUUID()),
    payload: { caller: 'anonymous' },
  });
  expect(anonymous.statusCode).toBe(200);
  const wrong = await app.inject({ method: 'POST', url: url('call-7'), payload: {} });
  expect(wrong.json()).toMatchObject({ code: 'CHARLA_REQUEST_INVALID' });
});

it('the dialplan of docs/media-streams.md announces calls as they are taken here, and its variables are ours', async () => {
  const page = await readFile('docs/media-streams.md', 'utf8');
  const [, path = '', form = ''] = /CURL\(http:\/\/[\d.:]+(\/[^,]+),([^\n]*)\)\}\)\n/.exec(page) ?? [];
  const filled = (text: string) =>
    text
      .replace(/\$\{URIENCODE\(\$\{CALLERID\(num\)\}\)\}/, encodeURIComponent('+34600111222'))
      .replace(/\$\{URIENCODE\(\$\{EXTEN\}\)\}/, '100')
      .replace(/\$\{CALL\}/, randomUUID());
  expect(filled(form)).toBe('caller=%2B34600111222&called=100');
  const answer = await app.inject({
    method: 'POST',
    url: filled(path),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: filled(form),
  });
  expect(answer.statusCode).toBe(200);
  const [, variables = ''] = /```ini\n(AUDIOSOCKET_PORT[^`]*)```/.exec(page) ?? [];
  const env = Object.fromEntries(
    variables
      .trim()
      .split('\n')
      .map((line) => line.split('=')),
  );
  const config = loadConfig({ ...env, NODE_ENV: 'test' });
  expect(config).toMatchObject({ AUDIOSOCKET_PORT: 9092, AUDIOSOCKET_ALLOW: ['10.0.0.7'] });
});

it('on an open address nobody but named switchboards may bring calls', () => {
  const env = { NODE_ENV: 'test', AUDIOSOCKET_PORT: '9092', AUDIOSOCKET_HOST: '0.0.0.0' };
  expect(() => loadConfig(env)).toThrow('AUDIOSOCKET_ALLOW is not set');
  expect(() => loadConfig({ ...env, AUDIOSOCKET_ALLOW: '10.1.2.0/24' })).not.toThrow();
  expect(() => loadConfig({ ...env, AUDIOSOCKET_ALLOW: 'pbx.example.com' })).toThrow('pbx.example.com');
});
