import type { FastifyInstance } from 'fastify';
import { RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseRoomMetadata } from '../../src/rooms/metadata.ts';
import { type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const CALLER = '+34600111222';
const SHOP = '+34911234567';

let livekit: TestLivekitServer;
let rooms: RoomServiceClient;
let hook: HttpReceiver;
let app: FastifyInstance;
let other: FastifyInstance;
let closeStore: () => Promise<void>;

beforeAll(async () => {
  livekit = await startLivekitServer();
  rooms = new RoomServiceClient(livekit.url.replace('ws', 'http'), livekit.apiKey, livekit.apiSecret);
  hook = await startHttpReceiver();
  hook.answer = ({ body }, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ data_tools: { asked_with: (body as { phone?: string }).phone ?? null } }));
  const store = await openTestStore();
  closeStore = () => store.close();
  const config = testConfig(livekit, { DATA_TOOLS_URL: hook.url });
  app = await buildTestServer({ config, store });
  other = await buildTestServer({ config, store });
  for (const [name, settings] of Object.entries({ shop: { numbers: [SHOP] }, vip: {} })) {
    await app.inject({ method: 'PUT', url: `/profiles/${name}`, payload: settings });
  }
});
afterAll(async () => {
  await app?.close();
  await other?.close();
  await closeStore?.();
  await hook?.stop();
  await livekit?.stop();
});

/** A call as livekit-sip makes its room, told of as an agent does. */
async function call(room: string, ends: object, on = app) {
  await rooms.createRoom({ name: room });
  return tell(room, ends, on);
}

function tell(room: string, ends: object, on = app) {
  const payload = { room, sip_call_id: `SCL_${room}`, ...ends };
  return on.inject({ method: 'POST', url: '/calls/sip', payload });
}

async function session(id: string) {
  return (await app.inject(`/sessions/${id}`)).json();
}

it('a call gets a session with its two numbers, the profile of the called one, and what the hook knows', async () => {
  const answer = await call('call-1', { caller: '0034 600 111 222', called: `sip:${SHOP}@carrier.example` });
  expect(answer.statusCode).toBe(200);
  const { session_id, metadata } = answer.json();
  expect(await session(session_id)).toMatchObject({
    user_id: CALLER,
    room: 'call-1',
    profile: 'shop',
    channel: 'sip',
    phone: { direction: 'inbound', caller: CALLER, called: SHOP },
    data_tools: { asked_with: CALLER },
  });
  expect(parseRoomMetadata(metadata)).toMatchObject({
    session: { id: session_id, phone: { direction: 'inbound' } },
    profileRef: true,
  });
  expect((await rooms.listRooms(['call-1']))[0]?.metadata).toBe(metadata);
});

it('told of twice, also on two servers at once, it is one session', async () => {
  const ends = { caller: CALLER, called: SHOP };
  await rooms.createRoom({ name: 'call-2' });
  const answers = await Promise.all([
    tell('call-2', ends),
    tell('call-2', ends, other),
    tell('call-2', ends),
  ]);
  expect(new Set(answers.map((one) => one.json().session_id)).size).toBe(1);
});

it('the profile that a dispatch rule names is stronger than that of the number', async () => {
  const { session_id } = (await call('call-3', { caller: CALLER, called: SHOP, profile: 'vip' })).json();
  expect((await session(session_id)).profile).toBe('vip');
});

it('a number that no profile has is answered as any call by SIP', async () => {
  const { session_id } = (await call('call-4', { caller: CALLER, called: '+34911999999' })).json();
  expect((await session(session_id)).profile).toBe('sip');
});

it.each(['Anonymous', 'restricted', undefined])('a caller as %s has no number', async (caller) => {
  const room = `call-5-${caller}`;
  const { session_id } = (await call(room, { ...(caller && { caller }), called: SHOP })).json();
  expect(await session(session_id)).toMatchObject({
    user_id: `anonymous-SCL_${room}`,
    phone: { direction: 'inbound', caller: null, called: SHOP },
    data_tools: { asked_with: null },
  });
});

it('an account of a switchboard is known by its name', async () => {
  const { session_id } = (await call('call-6', { caller: 'ana.lopez', called: '200' })).json();
  expect(await session(session_id)).toMatchObject({
    user_id: 'ana.lopez',
    phone: { caller: 'ana.lopez', called: '200' },
  });
});

it('a call whose room has closed gets no session, and opens none', async () => {
  const answer = await tell('call-gone', { caller: CALLER, called: SHOP });
  expect(answer.statusCode).toBe(409);
  expect(answer.json().code).toBe('CHARLA_ROOM_CLOSED');
  expect(await rooms.listRooms(['call-gone'])).toEqual([]);
});

it('sessions and calls are found by either number, however it is written', async () => {
  const ends = { caller: '+34600777888', called: '+34911777888' };
  const { session_id } = (await call('call-7', ends)).json();
  await app.inject({
    method: 'POST',
    url: '/calls/call-of-7/events',
    payload: {
      events: [{ number: 1, at: '2026-01-01T12:00:00.000Z', type: 'call.started', session_id }],
    },
  });
  for (const number of ['%2B34600777888', '34600777888', '0034911777888']) {
    for (const path of ['/sessions', '/calls']) {
      const { items } = (await app.inject(`${path}?phone=${number}`)).json();
      expect(items, `${path} ${number}`).toMatchObject([
        { session_id, phone: { direction: 'inbound', ...ends } },
      ]);
    }
  }
  expect((await app.inject('/sessions?phone=%2B34600777889')).json().items).toEqual([]);
});

it('a session that a server starts for a number has the hook asked with it', async () => {
  const payload = { user_id: 'ana', phone: 'tel:+34 600 999 000' };
  const { session_id } = (await app.inject({ method: 'POST', url: '/session/start', payload })).json();
  expect(await session(session_id)).toMatchObject({
    user_id: 'ana',
    channel: 'browser',
    phone: { direction: 'inbound', caller: '+34600999000', called: null },
    data_tools: { asked_with: '+34600999000' },
  });
  // The same user with another number is asked about anew.
  const again = { user_id: 'ana', phone: '+34600999001' };
  const next = (await app.inject({ method: 'POST', url: '/session/start', payload: again })).json();
  expect((await session(next.session_id)).data_tools).toEqual({ asked_with: '+34600999001' });
});
