import type { FastifyInstance } from 'fastify';
import { AccessToken, TokenVerifier } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { parseRoomMetadata } from '../../src/rooms/metadata.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

const log = createLogger('test', 'fatal');
const ADMIN_API_KEY = 'key-of-the-tests-0123456789';
const ana = { user_context: { name: 'Ana', tickets: ['#1234', '#5678'] } };

let livekit: TestLivekitServer;
let api: LiveKit;
let open: FastifyInstance;
let guarded: FastifyInstance;

beforeAll(async () => {
  livekit = await startLivekitServer();
  const config = testConfig(livekit);
  api = createLiveKit(config);
  open = await buildTestServer({ config, log });
  guarded = await buildTestServer({
    config: testConfig(livekit, { NODE_ENV: 'production', ADMIN_API_KEY }),
    log,
  });
});

afterAll(async () => {
  await open?.close();
  await guarded?.close();
  await livekit?.stop();
});

async function metadataOf(room: string) {
  const [found] = await api.request(({ rooms }) => rooms.listRooms([room]));
  return found === undefined ? undefined : parseRoomMetadata(found.metadata);
}

async function start(app: FastifyInstance, payload: object, headers: Record<string, string> = {}) {
  const response = await app.inject({ method: 'POST', url: '/session/start', payload, headers });
  expect(response.statusCode).toBe(201);
  return response.json<Record<string, string>>();
}

describe('POST /session/start', () => {
  it('answers when the room is open with its metadata and the agent has been asked for', async () => {
    const session = await start(open, { user_id: 'ana', data_tools: ana });
    expect(session).toMatchObject({
      room: `charla-${session.session_id}`,
      identity: 'ana',
      url: livekit.url,
      language: 'es',
      profile: 'browser',
    });
    expect(await metadataOf(session.room ?? '')).toEqual({
      v: 1,
      revision: 1,
      session: {
        id: session.session_id,
        userId: 'ana',
        profile: 'browser',
        channel: 'browser',
        language: 'es',
      },
      dataTools: ana,
    });
    const dispatches = await api.request(({ dispatches }) => dispatches.listDispatch(session.room ?? ''));
    expect(dispatches.map(({ agentName }) => agentName)).toEqual(['charla']);
  });

  it('grants the microphone in this room for ten minutes, and nothing else', async () => {
    const session = await start(open, { user_id: 'ana', language: 'en', profile: 'kiosk' });
    const claims = await new TokenVerifier(livekit.apiKey, livekit.apiSecret).verify(session.token ?? '');
    expect(claims.video).toEqual({
      roomJoin: true,
      room: session.room,
      canPublish: true,
      canPublishSources: ['microphone'],
      canPublishData: true,
      canSubscribe: true,
      canUpdateOwnMetadata: false,
    });
    expect(claims.sub).toBe('ana');
    expect(claims.roomConfig).toBeUndefined();
    expect((claims.exp ?? 0) - Date.now() / 1000).toBeLessThanOrEqual(600);
    expect(session).toMatchObject({ language: 'en', profile: 'kiosk' });
  });

  it('takes no room configuration from the client', async () => {
    const session = await start(open, {
      user_id: 'ana',
      room: 'charla-of-somebody-else',
      room_config: { metadata: 'x' },
      roomConfig: { agents: [{ agentName: 'evil' }] },
    });
    expect(session.room).toBe(`charla-${session.session_id}`);
    const dispatches = await api.request(({ dispatches }) => dispatches.listDispatch(session.room ?? ''));
    expect(dispatches.map(({ agentName }) => agentName)).toEqual(['charla']);
  });

  it.each([
    ['junk', '{"user_id":', 400, 'CHARLA_REQUEST_INVALID', '/'],
    ['an array', '[]', 400, 'CHARLA_REQUEST_INVALID', '/'],
    ['nobody', '{}', 400, 'CHARLA_REQUEST_INVALID', '/user_id'],
    ['an empty name', '{"user_id":"  "}', 400, 'CHARLA_REQUEST_INVALID', '/user_id'],
    ['a name with a line end', '{"user_id":"a\\nb"}', 400, 'CHARLA_REQUEST_INVALID', '/user_id'],
    ['a long name', JSON.stringify({ user_id: 'x'.repeat(129) }), 400, 'CHARLA_REQUEST_INVALID', '/user_id'],
    [
      'a language we do not speak',
      '{"user_id":"a","language":"fr"}',
      400,
      'CHARLA_REQUEST_INVALID',
      '/language',
    ],
    [
      'a list of data tools',
      '{"user_id":"a","data_tools":[]}',
      400,
      'CHARLA_DATA_TOOLS_INVALID',
      '/data_tools',
    ],
    [
      'a prototype',
      '{"user_id":"a","data_tools":{"a":{"__proto__":{"admin":true}}}}',
      400,
      'CHARLA_DATA_TOOLS_INVALID',
      '/data_tools/a/__proto__',
    ],
    [
      '33 levels',
      `{"user_id":"a","data_tools":${'{"a":'.repeat(33)}1${'}'.repeat(33)}}`,
      400,
      'CHARLA_DATA_TOOLS_INVALID',
      `/data_tools${'/a'.repeat(32)}`,
    ],
    [
      '257 KiB',
      JSON.stringify({ user_id: 'a', data_tools: { text: 'x'.repeat(257 * 1024) } }),
      413,
      'CHARLA_DATA_TOOLS_TOO_LARGE',
      undefined,
    ],
    [
      'half a megabyte',
      JSON.stringify({ user_id: 'a', data_tools: { text: 'x'.repeat(512 * 1024) } }),
      413,
      'CHARLA_BODY_TOO_LARGE',
      undefined,
    ],
  ])('refuses %s, naming the field, and opens no room', async (_what, payload, status, code, path) => {
    const before = await api.request(({ rooms }) => rooms.listRooms());
    const response = await open.inject({
      method: 'POST',
      url: '/session/start',
      headers: { 'content-type': 'application/json' },
      payload,
    });
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({ status, code, type: `urn:charla:error:${code}` });
    expect(response.statusCode).toBe(status);
    if (path !== undefined) expect(response.json().errors[0].path).toBe(path);
    expect(await api.request(({ rooms }) => rooms.listRooms())).toHaveLength(before.length);
  });

  it('wants JSON by its name', async () => {
    const response = await open.inject({
      method: 'POST',
      url: '/session/start',
      headers: { 'content-type': 'text/plain' },
      payload: '{"user_id":"a"}',
    });
    expect(response.statusCode).toBe(415);
    expect(response.json().code).toBe('CHARLA_MEDIA_TYPE_UNSUPPORTED');
  });
});

describe('/session/{id}/data-tools', () => {
  it('PUT replaces and PATCH merges, here and in the room', async () => {
    const { session_id, room = '' } = await start(open, { user_id: 'ana', data_tools: ana });
    const url = `/session/${session_id}/data-tools`;
    const put = await open.inject({ method: 'PUT', url, payload: { a: { b: 1 }, c: 2 } });
    expect([put.statusCode, put.json()]).toEqual([200, { a: { b: 1 }, c: 2 }]);
    for (const type of ['application/json', 'application/merge-patch+json']) {
      const patch = await open.inject({
        method: 'PATCH',
        url,
        headers: { 'content-type': type },
        payload: JSON.stringify({ a: { d: type }, c: null }),
      });
      expect([patch.statusCode, patch.json()]).toEqual([200, { a: { b: 1, d: type } }]);
    }
    expect((await open.inject(url)).json()).toEqual({ a: { b: 1, d: 'application/merge-patch+json' } });
    expect(await metadataOf(room)).toMatchObject({
      revision: 4,
      dataTools: { a: { b: 1, d: 'application/merge-patch+json' } },
    });
  });

  it('keeps every one of many changes at once, and the room has the last', async () => {
    const { session_id, room = '' } = await start(open, { user_id: 'ana' });
    const url = `/session/${session_id}/data-tools`;
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);
    await Promise.all(keys.map((key) => open.inject({ method: 'PATCH', url, payload: { [key]: 1 } })));
    expect(Object.keys((await open.inject(url)).json()).sort()).toEqual([...keys].sort());
    expect(Object.keys((await metadataOf(room))?.dataTools ?? {})).toHaveLength(keys.length);
  });

  it.each(['{', '[]', '"x"', '{"a":{"constructor":1}}'])('changes nothing on %s', async (payload) => {
    const { session_id, room = '' } = await start(open, { user_id: 'ana', data_tools: ana });
    for (const method of ['PUT', 'PATCH'] as const) {
      const url = `/session/${session_id}/data-tools`;
      const response = await open.inject({
        method,
        url,
        headers: { 'content-type': 'application/json' },
        payload,
      });
      expect(response.statusCode).toBe(400);
      expect((await open.inject(url)).json()).toEqual(ana);
    }
    expect(await metadataOf(room)).toMatchObject({ revision: 1, dataTools: ana });
  });

  it('is 404 for a session that is not there', async () => {
    for (const method of ['GET', 'PUT', 'PATCH'] as const) {
      const response = await open.inject({
        method,
        url: '/session/nothing/data-tools',
        ...(method === 'GET' ? {} : { payload: {} }),
      });
      expect([response.statusCode, response.json().code]).toEqual([404, 'CHARLA_SESSION_NOT_FOUND']);
    }
  });

  it('goes on for a session whose room has closed', async () => {
    const { session_id, room = '' } = await start(open, { user_id: 'ana' });
    await api.request(({ rooms }) => rooms.deleteRoom(room));
    const response = await open.inject({
      method: 'PUT',
      url: `/session/${session_id}/data-tools`,
      payload: { a: 1 },
    });
    expect([response.statusCode, response.json()]).toEqual([200, { a: 1 }]);
  });
});

describe('with keys', () => {
  const server = { 'x-api-key': ADMIN_API_KEY };
  const withPrivate = { app: 1, private: { risk: 'high' } };

  it.each(['/session/start', '/token', '/get-user-data'])('%s is for servers', async (url) => {
    for (const headers of [{}, { 'x-api-key': 'wrong' }, { authorization: `Bearer ${ADMIN_API_KEY}` }]) {
      const response = await guarded.inject({ method: 'POST', url, headers, payload: { user_id: 'ana' } });
      expect([response.statusCode, response.json().code]).toEqual([401, 'CHARLA_UNAUTHORIZED']);
    }
    const response = await guarded.inject({
      method: 'POST',
      url,
      headers: server,
      payload: { user_id: 'ana' },
    });
    expect(response.statusCode).toBeLessThan(300);
  });

  it('a session is for its own person, for servers and for agents', async () => {
    const mine = await start(guarded, { user_id: 'ana', data_tools: ana }, server);
    const other = await start(guarded, { user_id: 'eve' }, server);
    const url = `/session/${mine.session_id}/data-tools`;
    const agent = new AccessToken(livekit.apiKey, livekit.apiSecret, { ttl: 60 });
    agent.addGrant({ agent: true });
    const forged = new AccessToken(livekit.apiKey, 'another-secret-of-thirty-two-letters', { ttl: 60 });
    forged.addGrant({ agent: true });
    const status = async (headers: Record<string, string>) =>
      (await guarded.inject({ url, headers })).statusCode;
    expect(await status({})).toBe(401);
    expect(await status({ authorization: `Bearer ${other.token}` })).toBe(401);
    expect(await status({ authorization: `Bearer ${await forged.toJwt()}` })).toBe(401);
    expect(await status({ authorization: `Bearer ${mine.token}` })).toBe(200);
    expect(await status({ authorization: `Bearer ${await agent.toJwt()}` })).toBe(200);
    expect(await status(server)).toBe(200);
    const unknown = await guarded.inject({
      url: '/session/nothing/data-tools',
      headers: { authorization: `Bearer ${mine.token}` },
    });
    expect(unknown.statusCode).toBe(401);
  });

  it('a token works for its session for as long as a call may last, though it opens the room for ten minutes', async () => {
    const { session_id, token } = await start(guarded, { user_id: 'ana', data_tools: ana }, server);
    const agent = new AccessToken(livekit.apiKey, livekit.apiSecret, { ttl: 60 });
    agent.addGrant({ agent: true });
    const agentToken = await agent.toJwt();
    const statusAfter = async (hours: number, bearer = token) => {
      vi.setSystemTime(Date.now() + hours * 3_600_000);
      const headers = { authorization: `Bearer ${bearer}` };
      return (await guarded.inject({ url: `/session/${session_id}/data-tools`, headers })).statusCode;
    };
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      expect(await statusAfter(1)).toBe(200);
      expect(await statusAfter(0, agentToken)).toBe(401);
      expect(await statusAfter(10)).toBe(200);
      expect(await statusAfter(2)).toBe(401);
    } finally {
      vi.useRealTimers();
    }
  });

  it('the token of somebody who was in the room before opens nothing of the session after', async () => {
    const post = async (user_id: string) =>
      (
        await guarded.inject({
          method: 'POST',
          url: '/token',
          headers: server,
          payload: { user_id, room: 'lobby' },
        })
      ).json();
    const before = await post('eve');
    await api.request(({ rooms }) => rooms.deleteRoom('lobby'));
    const after = await post('ana');
    const guest = await post('juan');
    const status = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await guarded.inject({ url: `/session/${after.session_id}/data-tools`, headers })).statusCode;
    };
    expect(guest.session_id).toBe(after.session_id);
    expect([await status(before.token), await status(after.token), await status(guest.token)]).toEqual([
      401, 200, 200,
    ]);
  });

  it('a token opens nothing of a session that is over, nor of earlier ones of its room', async () => {
    const post = (url: string, payload: object = {}) =>
      guarded.inject({ method: 'POST', url, headers: server, payload });
    const join = async (user_id: string) => (await post('/token', { user_id, room: 'hall' })).json();
    const first = await join('ana');
    const status = async (token: string, headers = { authorization: `Bearer ${token}` }) =>
      (await guarded.inject({ url: `/session/${first.session_id}/data-tools`, headers })).statusCode;
    expect(await status(first.token)).toBe(200);
    expect((await post(`/sessions/${first.session_id}/end`)).statusCode).toBe(200);
    const second = await join('luis');
    const again = await join('ana');
    expect([second.session_id, again.session_id]).not.toContain(first.session_id);
    expect([await status(first.token), await status(second.token), await status(again.token)]).toEqual([
      401, 401, 401,
    ]);
  });

  it('private data tools are never in the room and never shown to the person, who cannot set them either', async () => {
    const session = await start(guarded, { user_id: 'ana', data_tools: withPrivate }, server);
    const url = `/session/${session.session_id}/data-tools`;
    const person = { authorization: `Bearer ${session.token}` };
    expect(await metadataOf(session.room ?? '')).toMatchObject({ dataTools: { app: 1 }, dataToolsRef: true });
    expect((await guarded.inject({ url, headers: person })).json()).toEqual({ app: 1 });
    expect((await guarded.inject({ url, headers: server })).json()).toEqual(withPrivate);
    for (const method of ['PUT', 'PATCH'] as const) {
      const refused = await guarded.inject({ method, url, headers: person, payload: { private: null } });
      expect([refused.statusCode, refused.json().errors[0].path]).toEqual([400, '/private']);
    }
    const put = await guarded.inject({ method: 'PUT', url, headers: person, payload: { app: 2 } });
    expect([put.statusCode, put.json()]).toEqual([200, { app: 2 }]);
    expect((await guarded.inject({ url, headers: server })).json()).toEqual({ ...withPrivate, app: 2 });
    const [room] = await api.request(({ rooms }) => rooms.listRooms([session.room ?? '']));
    expect(room?.metadata).not.toContain('risk');
  });
});
