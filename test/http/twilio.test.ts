import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import twilio from 'twilio';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { loadConfig } from '../../src/config/config.ts';
import type { Store } from '../../src/store/store.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { logLines } from '../support/log-lines.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';
import { TWILIO_TOKEN, TwilioCarrier } from '../support/twilio-carrier.ts';

const PUBLIC_URL = 'https://voice.example';
const INCOMING = '/api/v1/twilio/incoming-call';
const STATUS = '/api/v1/twilio/status';
const STREAM = '/api/v1/twilio/media-stream';
const KEY = 'an-api-key-of-the-tests';
const CLOSED = {
  NODE_ENV: 'production',
  ADMIN_API_KEY: KEY,
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
};
const FORM = 'application/x-www-form-urlencoded';

let livekit: TestLivekitServer;
let store: Store;
let twilioCarrier: TwilioCarrier;
const open: { close(): unknown }[] = [];

beforeAll(async () => {
  [livekit, store, twilioCarrier] = await Promise.all([
    startLivekitServer(),
    openTestStore(),
    TwilioCarrier.start(),
  ]);
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  twilioCarrier.updates.length = 0;
});
afterAll(async () => {
  await twilioCarrier?.stop();
  await livekit?.stop();
  await store?.close();
});

/** A server that Twilio calls, and its log. */
async function server(env: Record<string, string> = {}, base = testConfig(livekit)) {
  const { lines, log } = logLines();
  const { LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } = base;
  const config = loadConfig({
    ...CLOSED,
    LIVEKIT_URL,
    LIVEKIT_API_KEY,
    LIVEKIT_API_SECRET,
    ...twilioCarrier.env(PUBLIC_URL),
    ...env,
  });
  const app = await buildTestServer({ config, log, store });
  open.push(app);
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  twilioCarrier.use(address, PUBLIC_URL);
  return { app, address, lines };
}

/** Sessions of telephone calls that are open. */
async function sessions(app: FastifyInstance): Promise<Record<string, unknown>[]> {
  const { items } = (
    await app.inject({ url: '/sessions?channel=twilio', headers: { 'x-api-key': KEY } })
  ).json<{ items: Record<string, unknown>[] }>();
  return items.filter(({ status }) => status === 'created' || status === 'active');
}

const signature = (url: string, form: Record<string, string>) =>
  twilio.getExpectedTwilioSignature(TWILIO_TOKEN, url, form);
const CALL = { CallSid: `CA${'a'.repeat(32)}`, From: '+34600111222', To: '+34911234567' };

describe('a call that comes in', () => {
  it('becomes a session with its caller and called number, and ends with the call', async () => {
    const { app } = await server();
    const call = await twilioCarrier.call({ query: '?profile=shop' });
    await vi.waitFor(async () => expect(await sessions(app)).toHaveLength(1), 5_000);
    expect((await sessions(app))[0]).toMatchObject({
      channel: 'twilio',
      profile: 'shop',
      user_id: '+34600111222',
      phone: { direction: 'inbound', caller: '+34600111222', called: '+34911234567' },
    });
    await vi.waitFor(() => expect(call.received.length).toBeGreaterThan(5), 5_000);
    await call.hangUp();
    await vi.waitFor(async () => expect(await sessions(app)).toEqual([]), 5_000);
  });

  it('is ended at Twilio when its session ends here', async () => {
    const { app } = await server();
    const call = await twilioCarrier.call();
    await vi.waitFor(() => expect(call.received.length).toBeGreaterThan(0), 5_000);
    const [session] = await sessions(app);
    await app.inject({
      method: 'POST',
      url: `/sessions/${String(session?.session_id)}/end`,
      headers: { 'x-api-key': KEY },
    });
    await call.over;
    expect(call.closed?.code).toBe(1000);
    expect(twilioCarrier.updates).toEqual([{ callSid: call.sid, form: { Status: 'completed' } }]);
  });

  it('is ended by the status callback alone', async () => {
    const { app } = await server();
    const call = await twilioCarrier.call();
    await vi.waitFor(() => expect(call.received.length).toBeGreaterThan(0), 5_000);
    await twilioCarrier.post(STATUS, call.form({ CallStatus: 'in-progress' }));
    expect(await sessions(app)).toHaveLength(1);
    const { status } = await twilioCarrier.post(STATUS, call.form({ CallStatus: 'completed' }));
    expect(status).toBe(204);
    await vi.waitFor(async () => expect(await sessions(app)).toEqual([]), 5_000);
    expect(call.closed?.code).toBe(1000);
  });

  it('hears a sentence in its language, and that is all, when all lines are busy', async () => {
    const { app } = await server({ MAX_GATEWAY_CALLS: '0' });
    const call = await twilioCarrier.call();
    expect(call.said).toEqual([{ language: 'es-ES', text: expect.stringContaining('ocupadas') }]);
    expect(call.status).toBe('completed');
    expect(await sessions(app)).toEqual([]);
  });

  it('hears a sentence when its room cannot be opened', async () => {
    const { app } = await server({ LIVEKIT_URL: 'ws://127.0.0.1:1', LANGUAGE: 'en' });
    const call = await twilioCarrier.call();
    await call.over;
    expect(call.said).toEqual([{ language: 'en-US', text: expect.stringContaining('went wrong') }]);
    expect(await sessions(app)).toEqual([]);
  });

  it('that comes back from a number that answered is over; from one that did not, it has the agent again', async () => {
    const { app } = await server();
    const answered = await twilioCarrier.post(INCOMING, { ...CALL, DialCallStatus: 'completed' });
    expect(await answered.text()).toContain('<Hangup/>');
    const missed = await twilioCarrier.post(INCOMING, { ...CALL, DialCallStatus: 'no-answer' });
    expect(await missed.text()).toContain('<Stream ');
    expect(await sessions(app)).toEqual([]);
  });

  it('with a field that is not as it should be hears a sentence too, and not an error page', async () => {
    await server();
    const answer = await twilioCarrier.post(`${INCOMING}?profile=${'x'.repeat(100)}`, CALL);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/xml/);
    expect(await answer.text()).toMatch(/<Say language="es-ES">.+<\/Say><Hangup\/>/);
  });

  it('from a withheld number has none', async () => {
    const { app } = await server();
    const call = await twilioCarrier.call({ from: '+266696687' });
    await vi.waitFor(async () => expect(await sessions(app)).toHaveLength(1), 5_000);
    expect((await sessions(app))[0]?.phone).toMatchObject({ caller: null });
    await call.hangUp();
    await vi.waitFor(async () => expect(await sessions(app)).toEqual([]), 5_000);
  });
});

describe('a webhook', () => {
  const send = (app: FastifyInstance, headers: Record<string, string>, payload: string, url = INCOMING) =>
    app.inject({ method: 'POST', url, headers: { 'content-type': FORM, ...headers }, payload });

  it('without a signature, or with that of something else, is refused with one line in the log', async () => {
    const { app, lines } = await server();
    const form = new URLSearchParams(CALL).toString();
    const right = signature(`${PUBLIC_URL}${INCOMING}`, CALL);
    for (const headers of [
      {},
      { 'x-twilio-signature': 'x' },
      { 'x-twilio-signature': right.toLowerCase() },
    ]) {
      lines.length = 0;
      const response = await send(app, headers as Record<string, string>, form);
      expect(response.statusCode).toBe(403);
      expect(response.json()).toMatchObject({ code: 'CHARLA_SIGNATURE_INVALID' });
      expect(lines.filter((line) => line.includes('CHARLA_SIGNATURE_INVALID'))).toHaveLength(1);
    }
    for (const url of [STATUS, `${INCOMING}?profile=other`])
      expect((await send(app, { 'x-twilio-signature': right }, form, url)).statusCode).toBe(403);
    expect((await send(app, { 'x-twilio-signature': right }, `${form}&Digits=1`)).statusCode).toBe(403);
    expect((await send(app, { 'x-twilio-signature': right }, form)).statusCode).toBe(200);
    expect(await sessions(app)).toEqual([]);
  });

  it('in JSON is signed by the digest of its body', async () => {
    const { app } = await server();
    const payload = JSON.stringify(CALL);
    const url = `${INCOMING}?bodySHA256=${twilio.getExpectedBodyHash(payload)}`;
    const headers = {
      'content-type': 'application/json',
      'x-twilio-signature': signature(`${PUBLIC_URL}${url}`, {}),
    };
    expect((await send(app, headers, payload, url)).body).toContain('<Stream ');
    expect((await send(app, headers, payload.replace('600', '601'), url)).statusCode).toBe(403);
    expect((await send(app, headers, payload)).statusCode).toBe(403);
  });

  it('is for nobody where no account is configured', async () => {
    const app = await buildTestServer({ config: loadConfig(CLOSED), store });
    open.push(app);
    for (const url of [INCOMING, STATUS])
      expect((await send(app, {}, 'CallSid=x', url)).statusCode).toBe(404);
    expect((await app.inject(STREAM)).statusCode).toBe(404);
  });

  it('is taken however many come, and under the public name of a developer’s machine', async () => {
    const { app } = await server({ RATE_LIMIT_PER_MINUTE: '2', NODE_ENV: 'development' });
    const headers = {
      host: 'voice.example',
      'x-twilio-signature': signature(`${PUBLIC_URL}${INCOMING}`, CALL),
    };
    const form = new URLSearchParams(CALL).toString();
    for (let count = 0; count < 5; count += 1) expect((await send(app, headers, form)).statusCode).toBe(200);
    expect((await send(app, { host: 'voice.example' }, form)).statusCode).toBe(403);
    expect((await app.inject({ url: '/settings', headers: { host: 'voice.example' } })).statusCode).toBe(403);

    const closed = await server({ RATE_LIMIT_PER_MINUTE: '2' });
    for (let count = 0; count < 5; count += 1)
      expect((await send(closed.app, headers, form)).statusCode).toBe(200);
  });
});

it('who sends what Twilio did not sign, again and again, is refused unread; what Twilio signed is not', async () => {
  const { app } = await server({ RATE_LIMIT_PER_MINUTE: '2', TRUST_PROXY: 'loopback' });
  const payload = new URLSearchParams(CALL).toString();
  const from = (address: string, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: INCOMING,
      headers: { 'content-type': FORM, 'x-forwarded-for': address, ...headers },
      payload,
    });
  const signed = { 'x-twilio-signature': signature(`${PUBLIC_URL}${INCOMING}`, CALL) };
  const statuses: number[] = [];
  for (let count = 0; count < 5; count += 1) statuses.push((await from('203.0.113.1')).statusCode);
  expect(statuses).toEqual([403, 403, 403, 429, 429]);
  for (let count = 0; count < 5; count += 1) expect((await from('203.0.113.2', signed)).statusCode).toBe(200);

  // Where TRUST_PROXY names no proxy, its address is the carrier's too.
  const { app: unknown } = await server({ RATE_LIMIT_PER_MINUTE: '2' });
  const headers = { 'content-type': FORM, 'x-forwarded-for': '203.0.113.1' };
  for (let count = 0; count < 5; count += 1)
    expect((await unknown.inject({ method: 'POST', url: INCOMING, headers, payload })).statusCode).toBe(403);
});

describe('the WebSocket of a media stream', () => {
  /** Opens one, says something, and waits until it is closed. */
  async function closeOf(address: string, messages: unknown[]): Promise<number> {
    const socket = new WebSocket(`${address.replace('http', 'ws')}${STREAM}`);
    await once(socket, 'open');
    for (const message of messages)
      socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    const [code] = (await once(socket, 'close')) as [number];
    return code;
  }
  const startOf = (token: string | undefined, callSid = CALL.CallSid, encoding = 'audio/x-mulaw') => ({
    event: 'start',
    streamSid: 'MZ1',
    start: {
      streamSid: 'MZ1',
      callSid,
      mediaFormat: { encoding, sampleRate: 8000, channels: 1 },
      customParameters: token === undefined ? {} : { token },
    },
  });
  async function tokenFor(form: Record<string, string>): Promise<string> {
    const twiml = await (await twilioCarrier.post(INCOMING, form)).text();
    return /name="token" value="([^"]+)"/.exec(twiml)?.[1] ?? '';
  }

  it('is closed without a token, with one of another call, and with one that was used', async () => {
    const { app, address, lines } = await server();
    expect(await closeOf(address, [{ event: 'connected' }, startOf(undefined)])).toBe(1008);
    expect(await closeOf(address, [startOf('eyJhbGciOiJIUzI1NiJ9.e30.x')])).toBe(1008);
    expect(await closeOf(address, [startOf(await tokenFor(CALL), `CA${'b'.repeat(32)}`)])).toBe(1008);
    expect(lines.filter((line) => line.includes('has no token'))).toHaveLength(3);
    const token = await tokenFor(CALL);
    expect(await closeOf(address, [startOf(token), { event: 'stop' }])).toBe(1000);
    expect(await closeOf(address, [startOf(token)])).toBe(1008);
    await vi.waitFor(async () => expect(await sessions(app)).toEqual([]), 5_000);
  });

  it('is closed for another codec, for a message of a megabyte, and for garbage, while another call goes on', async () => {
    const { app, address } = await server();
    const call = await twilioCarrier.call();
    await vi.waitFor(() => expect(call.received.length).toBeGreaterThan(0), 5_000);
    expect(await closeOf(address, [startOf(await tokenFor(CALL), CALL.CallSid, 'audio/l16')])).toBe(1002);
    expect(await closeOf(address, ['x'.repeat(1024 * 1024)])).toBe(1009);
    expect(await closeOf(address, Array(50).fill('{"event":'))).toBe(1002);
    const before = call.received.length;
    await sleep(200);
    expect(call.received.length).toBeGreaterThan(before);
    expect(call.closed).toBeUndefined();
    await call.hangUp();
    await vi.waitFor(async () => expect(await sessions(app)).toEqual([]), 5_000);
  });

  it('goes on through messages that are of no use, or come ten times as fast', async () => {
    const { app } = await server();
    const call = await twilioCarrier.call();
    await vi.waitFor(() => expect(call.received.length).toBeGreaterThan(0), 5_000);
    call.sendRaw('{"event":"news","of":"a later version"}');
    call.sendRaw('not JSON');
    const payload = Buffer.alloc(160, 0xff).toString('base64');
    for (let chunk = 0; chunk < 500; chunk += 1)
      call.sendRaw(
        JSON.stringify({ event: 'media', media: { track: 'inbound', chunk: `${chunk}`, payload } }),
      );
    call.press('1');
    const before = call.received.length;
    await vi.waitFor(() => expect(call.received.length).toBeGreaterThan(before + 10), 5_000);
    expect(call.closed).toBeUndefined();
    await call.hangUp();
    await vi.waitFor(async () => expect(await sessions(app)).toEqual([]), 5_000);
  });

  it('is closed at once where too many of its address have shown nothing yet', async () => {
    // As many as there may be calls, and 16.
    const { address } = await server({ MAX_GATEWAY_CALLS: '0' });
    const url = `${address.replace('http', 'ws')}${STREAM}`;
    const strangers = Array.from({ length: 16 }, () => new WebSocket(url));
    for (const socket of strangers) open.push({ close: () => socket.terminate() });
    await Promise.all(strangers.map((socket) => once(socket, 'open')));
    expect(await closeOf(address, [])).toBe(1006);
    // Behind a proxy that is not known to be one, everybody would have its address.
    const forwarded = new WebSocket(url, { headers: { 'x-forwarded-for': '203.0.113.1' } });
    open.push({ close: () => forwarded.terminate() });
    await once(forwarded, 'open');
    forwarded.send(JSON.stringify(startOf(undefined)));
    const [code] = (await once(forwarded, 'close')) as [number];
    expect(code).toBe(1008);
    const gone = once(strangers[0] as WebSocket, 'close');
    strangers[0]?.terminate();
    await gone;
    await vi.waitFor(async () => expect(await closeOf(address, [startOf(undefined)])).toBe(1008), 5_000);
  });

  it('is not opened anywhere else, and there is nothing else where it is', async () => {
    const { app, address } = await server();
    for (const path of ['/settings', '/nothing', INCOMING]) {
      const socket = new WebSocket(`${address.replace('http', 'ws')}${path}`);
      const [error] = (await once(socket, 'error')) as [Error];
      expect(error.message, path).toMatch(/Unexpected server response: 40[04]/);
    }
    expect((await app.inject(STREAM)).statusCode).toBe(400);
  });
});
