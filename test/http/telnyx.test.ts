import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioSource, LocalAudioTrack, Room, RoomEvent, TrackPublishOptions } from '@livekit/rtc-node';
import type { FastifyInstance } from 'fastify';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { LINE_RATE } from '../../src/channels/line.ts';
import { loadConfig } from '../../src/config/config.ts';
import {
  PHONE_IDENTITY,
  SEND_DIGITS_METHOD,
  TRANSFER_METHOD,
  VOICE_TRACK,
} from '../../src/rooms/line-messages.ts';
import type { Store } from '../../src/store/store.ts';
import { startLivekitServer, type TestLivekitServer } from '../support/livekit-server.ts';
import { logLines } from '../support/log-lines.ts';
import { openTestStore } from '../support/store.ts';
import { type TelnyxCall, TelnyxCarrier } from '../support/telnyx-carrier.ts';
import { buildTestServer } from '../support/test-server.ts';

const PUBLIC_URL = 'https://voice.example';
const CALL_CONTROL = '/api/v1/telnyx/call-control';
const STREAM = '/api/v1/telnyx/media-stream';
const KEY = 'an-api-key-of-the-tests';

let livekit: TestLivekitServer;
let store: Store;
let telnyx: TelnyxCarrier;
const open: { close(): unknown }[] = [];

beforeAll(async () => {
  [livekit, store, telnyx] = await Promise.all([
    startLivekitServer(),
    openTestStore(),
    TelnyxCarrier.start(),
  ]);
});
afterEach(async () => {
  await telnyx.hangUpAll();
  for (const one of open.splice(0).reverse()) await one.close();
  telnyx.reset();
});
afterAll(async () => {
  await telnyx?.stop();
  await livekit?.stop();
  await store?.close();
});

/** A server that Telnyx calls, and its log. */
async function server(env: Record<string, string> = {}) {
  const { lines, log } = logLines();
  const config = loadConfig({
    NODE_ENV: 'production',
    ADMIN_API_KEY: KEY,
    LIVEKIT_URL: livekit.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    ...telnyx.env(PUBLIC_URL),
    ...env,
  });
  const app = await buildTestServer({ config, log, store });
  open.push(app);
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  telnyx.use(address, PUBLIC_URL);
  return { app, address, lines };
}

/** Sessions of telephone calls that are open. */
async function sessions(app: FastifyInstance): Promise<Record<string, unknown>[]> {
  const { items } = (
    await app.inject({ url: '/sessions?channel=telnyx', headers: { 'x-api-key': KEY } })
  ).json<{ items: Record<string, unknown>[] }>();
  return items.filter(({ status }) => status === 'created' || status === 'active');
}

const waitFor = (look: () => unknown) => vi.waitFor(look, { timeout: 8_000, interval: 20 });
const speaks = (call: TelnyxCall) => waitFor(() => expect(call.received.length).toBeGreaterThan(5));
const actions = (of?: TelnyxCall) =>
  telnyx.commands.filter(({ call }) => of === undefined || call === of.id).map(({ action }) => action);

describe('a call that comes in', () => {
  it('is answered, becomes a session with its caller and called number, and ends with the call', async () => {
    const { app } = await server();
    const call = await telnyx.call({ query: '?profile=shop' });
    await speaks(call);
    expect(await sessions(app)).toMatchObject([
      {
        channel: 'telnyx',
        profile: 'shop',
        user_id: '+34600111222',
        phone: { direction: 'inbound', caller: '+34600111222', called: '+34911234567' },
      },
    ]);
    expect(actions()).toEqual(['answer']);
    await call.hangUp();
    await waitFor(async () => expect(await sessions(app)).toEqual([]));
    expect(call.endedBy).toBe('caller');
  });

  it('is hung up at Telnyx when its session ends here', async () => {
    const { app } = await server();
    const call = await telnyx.call();
    await speaks(call);
    const [session] = await sessions(app);
    await app.inject({
      method: 'POST',
      url: `/sessions/${String(session?.session_id)}/end`,
      headers: { 'x-api-key': KEY },
    });
    await waitFor(() => expect(call.status).toBe('over'));
    expect(call.endedBy).toBe('command');
    await waitFor(() => expect(call.closed?.code).toBe(1000));
    expect(actions(call)).toEqual(['answer', 'hangup']);
  });

  it('finds all lines busy when there are as many calls as this server takes', async () => {
    const { app, lines } = await server({ MAX_GATEWAY_CALLS: '0' });
    const call = await telnyx.call();
    await waitFor(() => expect(call.status).toBe('over'));
    expect(telnyx.commands).toMatchObject([{ action: 'reject', body: { cause: 'USER_BUSY' } }]);
    expect(lines.filter((line) => line.includes('all lines busy'))).toHaveLength(1);
    expect(await sessions(app)).toEqual([]);
  });

  it.each([
    { LANGUAGE: 'es', language: 'es-ES', words: 'ha habido un problema' },
    { LANGUAGE: 'en', language: 'en-US', words: 'went wrong' },
  ])(
    'hears a sentence in $LANGUAGE when its room cannot be opened',
    async ({ LANGUAGE, language, words }) => {
      const { app } = await server({ LIVEKIT_URL: 'ws://127.0.0.1:1', LANGUAGE });
      const call = await telnyx.call();
      await waitFor(() => expect(call.status).toBe('over'));
      expect(call.said).toEqual([{ language, text: expect.stringContaining(words) }]);
      expect(call.endedBy).toBe('command');
      expect(await sessions(app)).toEqual([]);
    },
  );

  it('hears a sentence too when Telnyx streams another codec than it was asked for', async () => {
    const { app } = await server();
    const call = await telnyx.call({ encoding: 'G722' });
    await waitFor(() => expect(call.status).toBe('over'));
    expect(call.closed?.code).toBe(1002);
    expect(call.said).toHaveLength(1);
    expect(await sessions(app)).toEqual([]);
  });

  it('from a withheld number has none', async () => {
    const { app } = await server();
    const call = await telnyx.call({ from: 'anonymous' });
    await speaks(call);
    expect(await sessions(app)).toMatchObject([{ phone: { caller: null, called: '+34911234567' } }]);
    await call.hangUp();
    await waitFor(async () => expect(await sessions(app)).toEqual([]));
  });
});

describe('webhooks that come twice, late, or in another order', () => {
  it('answer a call once', async () => {
    const { app } = await server();
    const call = await telnyx.call();
    await call.send('call.initiated', { direction: 'incoming' });
    await call.send('call.initiated', { direction: 'incoming' }, { id: 'the-same', attempt: 1 });
    await call.send('call.initiated', { direction: 'incoming' }, { id: 'the-same', attempt: 2 });
    await speaks(call);
    await call.send('call.answered');
    expect(actions(call)).toEqual(['answer']);
    expect(await sessions(app)).toHaveLength(1);
    await call.hangUp();
    await call.send('call.hangup');
    await call.send('call.answered');
    await call.send('call.initiated', { direction: 'incoming' });
    await waitFor(async () => expect(await sessions(app)).toEqual([]));
    expect(actions(call).filter((action) => action === 'answer')).toHaveLength(1);
  });

  it('make no call of one that is over', async () => {
    const { app } = await server();
    const call = await telnyx.call();
    await speaks(call);
    // As from another server: nothing is known of it here.
    const payload = { call_control_id: 'v3:unknown' };
    await call.send('call.hangup', payload);
    await call.send('call.initiated', { ...payload, direction: 'incoming' });
    await call.send('streaming.stopped', payload);
    await call.send('call.bridged', payload);
    await call.send('call.dtmf.received', { ...payload, digit: '1' });
    await sleep(100);
    expect(actions()).toEqual(['answer']);
    expect(await sessions(app)).toHaveLength(1);
    await call.hangUp();
  });

  it('end a call whose stream ended, also one of a server that is gone', async () => {
    const { app } = await server();
    const call = await telnyx.call();
    await speaks(call);
    call.socket?.terminate();
    await waitFor(() => expect(call.status).toBe('over'));
    await waitFor(async () => expect(await sessions(app)).toEqual([]));
    await call.send('streaming.failed', { call_control_id: 'v3:of-another' });
    await waitFor(() =>
      expect(telnyx.commands).toContainEqual(expect.objectContaining({ call: 'v3:of-another' })),
    );
    expect(actions()).toEqual(['answer', 'hangup', 'hangup']);
  });

  it('of a kind that is not known, or not as documented, are taken', async () => {
    await server();
    for (const data of [
      { id: 'a', event_type: 'call.recording.saved', payload: {} },
      { id: 'b', event_type: 'call.initiated', payload: { call_control_id: 7 } },
      { id: 'c', event_type: 'number_order.complete' },
    ]) {
      const response = await telnyx.post(JSON.stringify({ data, meta: { attempt: 1 } }));
      expect(response).toEqual({ status: 200, body: {} });
    }
    expect((await telnyx.post('not JSON')).status).toBe(400);
    expect((await telnyx.post('{"data":{}}')).status).toBe(400);
    expect(telnyx.commands).toEqual([]);
  });
});

describe('when Telnyx’s REST API is not well', () => {
  it('a command is repeated, and carried out once', async () => {
    const { app } = await server();
    telnyx.fail({ action: 'answer', status: 503, times: 1 });
    telnyx.fail({ action: 'hangup', status: 0, times: 1 });
    const call = await telnyx.call();
    await speaks(call);
    const [first, second] = telnyx.commands;
    expect(second).toEqual(first);
    const [session] = await sessions(app);
    await app.inject({
      method: 'POST',
      url: `/sessions/${String(session?.session_id)}/end`,
      headers: { 'x-api-key': KEY },
    });
    await waitFor(() => expect(call.status).toBe('over'));
    expect(actions(call)).toEqual(['answer', 'answer', 'hangup', 'hangup']);
  });

  it('the sentence for a call that cannot go on is heard at the second time, and not cut off', async () => {
    await server({ LIVEKIT_URL: 'ws://127.0.0.1:1' });
    telnyx.fail({ action: 'speak', status: 503, times: 1 });
    const call = await telnyx.call();
    await waitFor(() => expect(call.status).toBe('over'));
    expect(call.said).toHaveLength(1);
    expect(actions(call)).toEqual(['answer', 'speak', 'speak', 'hangup']);
  });

  it('a call that it will not answer is hung up, and nothing is left of it', async () => {
    const { app, lines } = await server();
    telnyx.fail({ action: 'answer', status: 422 });
    const call = await telnyx.call();
    await waitFor(() => expect(call.status).toBe('over'));
    expect(actions(call)).toEqual(['answer', 'hangup']);
    await waitFor(() =>
      expect(lines.filter((line) => line.includes('it answered 422, error 10007'))).toHaveLength(1),
    );
    expect(await sessions(app)).toEqual([]);
    expect(lines.join('')).not.toContain('34600111222');
  });
});

describe('what the agent asks for in the room of a call', () => {
  async function withAgent(options: Parameters<TelnyxCarrier['call']>[0] = {}) {
    const { app } = await server();
    const call = await telnyx.call(options);
    await speaks(call);
    const [session] = await sessions(app);
    const token = new AccessToken(livekit.apiKey, livekit.apiSecret, { identity: 'agent' });
    token.addGrant({ roomJoin: true, room: String(session?.room), agent: true });
    token.kind = 'agent';
    const room = new Room();
    open.push({ close: () => room.disconnect() });
    const pressed: string[] = [];
    room.on(RoomEvent.DtmfReceived, (_code, digit) => pressed.push(digit));
    await room.connect(livekit.url, await token.toJwt(), { autoSubscribe: true, dynacast: false });
    await waitFor(() => expect([...room.remoteParticipants.keys()]).toEqual([PHONE_IDENTITY]));
    // Others see a participant once it has a track.
    const voice = LocalAudioTrack.createAudioTrack(VOICE_TRACK, new AudioSource(LINE_RATE, 1));
    const published = await room.localParticipant?.publishTrack(voice, new TrackPublishOptions());
    await published?.waitForSubscription();
    const ask = (method: string, payload: object) =>
      room.localParticipant?.performRpc({
        destinationIdentity: PHONE_IDENTITY,
        method,
        payload: JSON.stringify(payload),
        responseTimeout: 10_000,
      });
    return { app, call, ask, pressed };
  }

  it('keys are pressed, and each key of the caller comes once, though Telnyx tells of it twice', async () => {
    const { call, ask, pressed } = await withAgent();
    await ask(SEND_DIGITS_METHOD, { digits: '12#' });
    await waitFor(() => expect(call.keys).toEqual(['12#']));
    for (const digit of ['4', '4', '#']) {
      call.press(digit);
      await sleep(50);
    }
    await waitFor(() => expect(pressed).toEqual(['4', '4', '#']));
    await sleep(200);
    expect(pressed).toEqual(['4', '4', '#']);
    await call.hangUp();
  });

  it('a transfer to whom nobody answers fails, and the caller has the agent still', async () => {
    const { app, call, ask } = await withAgent({ transferred: 'user_busy' });
    await expect(ask(TRANSFER_METHOD, { to: '+34911000111' })).rejects.toThrow(/user_busy/);
    expect(call.dialled).toEqual(['+34911000111']);
    const before = call.received.length;
    await waitFor(() => expect(call.received.length).toBeGreaterThan(before + 5));
    expect(await sessions(app)).toHaveLength(1);
    await call.hangUp();
  });

  it('a transfer that is answered ends the session here, and not the call', async () => {
    const { app, call, ask } = await withAgent({ transferred: 'answered' });
    await ask(TRANSFER_METHOD, { to: '+34911000111' });
    await waitFor(async () => expect(await sessions(app)).toEqual([]));
    await waitFor(() => expect(call.closed).toBeDefined());
    await sleep(200);
    expect(call.status).toBe('bridged');
    expect(actions(call)).toEqual(['answer', 'transfer', 'streaming_stop']);
    await call.hangUp();
  });

  it('a transfer that is answered goes on though the end of the stream is refused', async () => {
    const { app, call, ask } = await withAgent({ transferred: 'answered' });
    telnyx.fail({ action: 'streaming_stop', status: 403 });
    await ask(TRANSFER_METHOD, { to: '+34911000111' });
    await waitFor(async () => expect(await sessions(app)).toEqual([]));
    await waitFor(() => expect(call.closed).toBeDefined());
    await sleep(200);
    expect(call.status).toBe('bridged');
    expect(actions(call)).not.toContain('hangup');
    await call.hangUp();
  });

  it('a transfer that Telnyx refuses fails at once', async () => {
    const { call, ask } = await withAgent();
    telnyx.fail({ action: 'transfer', status: 422 });
    await expect(ask(TRANSFER_METHOD, { to: '+34911000111' })).rejects.toThrow(/422/);
    await call.hangUp();
  });
});

describe('a webhook', () => {
  const body = JSON.stringify({
    data: {
      id: 'e1',
      event_type: 'call.initiated',
      payload: { call_control_id: 'v3:1', direction: 'incoming', from: '+34600111222', to: '+34911234567' },
    },
    meta: { attempt: 1 },
  });

  it('that Telnyx did not sign, or not now, is refused with one line in the log', async () => {
    const { lines } = await server();
    const now = Math.floor(Date.now() / 1000);
    const right = telnyx.signature(body);
    const signature = right['telnyx-signature-ed25519'] ?? '';
    const stranger = await TelnyxCarrier.start();
    open.push({ close: () => stranger.stop() });
    for (const headers of [
      {},
      { 'telnyx-timestamp': String(now) },
      { 'telnyx-signature-ed25519': signature },
      { ...right, 'telnyx-timestamp': String(now + 1) },
      {
        ...right,
        'telnyx-signature-ed25519': `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      },
      telnyx.signature(body, now - 301),
      telnyx.signature(body, now + 310),
      telnyx.signature(`${body} `),
      stranger.signature(body),
    ] as Record<string, string>[]) {
      lines.length = 0;
      const response = await telnyx.post(body, headers);
      expect(response.status).toBe(403);
      expect(response.body).toMatchObject({ code: 'CHARLA_SIGNATURE_INVALID' });
      expect(lines.filter((line) => line.includes('CHARLA_SIGNATURE_INVALID'))).toHaveLength(1);
      expect(lines.join('')).not.toContain(signature);
    }
    expect(telnyx.commands).toEqual([]);
  });

  it('that is sent again as it was is refused', async () => {
    await server();
    const headers = telnyx.signature(body);
    expect((await telnyx.post(body, headers)).status).toBe(200);
    expect((await telnyx.post(body, headers)).status).toBe(403);
    await waitFor(() => expect(actions()).toContain('answer'));
    // Unknown to the carrier: the answer is refused, and the call hung up.
    await waitFor(() => expect(actions()).toEqual(['answer', 'hangup']));
  });

  it('is for nobody where no account is configured', async () => {
    const app = await buildTestServer({ config: loadConfig({}), store });
    open.push(app);
    const headers = { 'content-type': 'application/json', ...telnyx.signature(body) };
    const response = await app.inject({ method: 'POST', url: CALL_CONTROL, headers, payload: body });
    expect(response.statusCode).toBe(404);
    expect((await app.inject(STREAM)).statusCode).toBe(404);
  });
});

describe('the WebSocket of a media stream', () => {
  /** Opens one, says something, and waits until it is closed. */
  async function closeOf(address: string, query: string, messages: unknown[]): Promise<number> {
    const socket = new WebSocket(`${address.replace('http', 'ws')}${STREAM}${query}`);
    await once(socket, 'open');
    for (const message of messages)
      socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    const [code] = (await once(socket, 'close')) as [number];
    return code;
  }
  const start = (call: string) => ({
    event: 'start',
    stream_id: 's',
    start: { call_control_id: call, media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 } },
  });

  it('is closed without a token, and with one of another call, or that was used; the call goes on', async () => {
    const { app, address, lines } = await server();
    const call = await telnyx.call();
    await speaks(call);
    const used = new URL(String(telnyx.commands[0]?.body.stream_url)).search;
    expect(used).toMatch(/^\?token=.+/);
    for (const query of ['', '?token=x', used]) {
      expect(await closeOf(address, query, [{ event: 'connected' }, start(call.id)])).toBe(1008);
    }
    expect(lines.filter((line) => line.includes('has no token'))).toHaveLength(3);
    const before = call.received.length;
    await waitFor(() => expect(call.received.length).toBeGreaterThan(before + 5));
    expect(await sessions(app)).toHaveLength(1);
    await call.hangUp();
  });

  it('is closed for garbage, and for a message of a megabyte, while another call goes on', async () => {
    const { address } = await server();
    const call = await telnyx.call();
    await speaks(call);
    expect(await closeOf(address, '', Array(50).fill('{"event":'))).toBe(1002);
    expect(await closeOf(address, '', ['x'.repeat(1024 * 1024)])).toBe(1009);
    call.sendRaw('{"event":"news"}');
    call.sendRaw('[]');
    for (let chunk = 0; chunk < 500; chunk += 1) {
      const payload = Buffer.alloc(160, 0xff).toString('base64');
      call.sendRaw(JSON.stringify({ event: 'media', media: { track: 'inbound', chunk, payload } }));
    }
    const before = call.received.length;
    await waitFor(() => expect(call.received.length).toBeGreaterThan(before + 10));
    expect(call.closed).toBeUndefined();
    await call.hangUp();
  });
});
