import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { openRooms } from '../../src/rooms/open-room.ts';
import { calls, recordings, turns } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const ADMIN_API_KEY = 'key-of-the-tests-0123456789';
const server = { 'x-api-key': ADMIN_API_KEY };

let livekit: TestLivekitServer;
let api: LiveKit;
let store: Store;
let home: string;
let app: FastifyInstance;

beforeAll(async () => {
  livekit = await startLivekitServer();
  store = await openTestStore();
  home = await mkdtemp(join(tmpdir(), 'charla-test-'));
  const config = testConfig(livekit, { NODE_ENV: 'production', ADMIN_API_KEY, CHARLA_HOME: home });
  api = createLiveKit(config);
  app = await buildTestServer({ config, store });
});
afterAll(async () => {
  await app?.close();
  await store?.close();
  await livekit?.stop();
  await rm(home, { recursive: true });
});

async function start(userId: string, dataTools: object = {}) {
  const response = await app.inject({
    method: 'POST',
    url: '/session/start',
    headers: server,
    payload: { user_id: userId, data_tools: dataTools },
  });
  return response.json<{ session_id: string; room: string }>();
}

const get = (url: string, headers: Record<string, string> = server) => app.inject({ url, headers });
const isOpenRoom = async (room: string) => (await openRooms(api, [room])).has(room);

describe('GET /sessions', () => {
  it('shows every session once, page by page, without data tools', async () => {
    const started: string[] = [];
    for (let n = 0; n < 7; n += 1) started.push((await start('pages', { n: 'hidden' })).session_id);
    const found: string[] = [];
    let next: string | null = null;
    do {
      const page = await get(`/sessions?user_id=pages&limit=3${next === null ? '' : `&cursor=${next}`}`);
      expect(page.statusCode).toBe(200);
      expect(page.body).not.toContain('hidden');
      found.push(...page.json().items.map((item: { session_id: string }) => item.session_id));
      next = page.json().next;
    } while (next !== null);
    expect(found.toSorted()).toEqual(started.toSorted());
    expect(found).toHaveLength(started.length);
  });

  it('shows what a session is, and takes filters', async () => {
    const before = new Date(Date.now() - 1).toISOString();
    const { session_id, room } = await start('filters');
    const items = async (query: string) => (await get(`/sessions?user_id=filters&${query}`)).json().items;
    expect(await items('')).toEqual([
      {
        session_id,
        user_id: 'filters',
        room,
        profile: 'browser',
        channel: 'browser',
        language: 'es',
        phone: null,
        status: 'created',
        revision: 1,
        created_at: expect.any(String),
        last_active_at: expect.any(String),
        expires_at: expect.any(String),
        ended_at: null,
      },
    ]);
    expect(await items('status=created&profile=browser&channel=browser')).toHaveLength(1);
    expect(await items('status=ended')).toHaveLength(0);
    expect(await items(`since=${encodeURIComponent(before.replace('Z', '+00:00'))}`)).toHaveLength(1);
    expect(await items(`until=${before}`)).toHaveLength(0);
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'cursor=nothing',
    'cursor=WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsIlx1MDAwMCJd',
    'status=asleep',
    'since=yesterday',
    'since=0000-01-01T00:00:00Z',
    'channel=%00',
  ])('refuses ?%s', async (query) => {
    const response = await get(`/sessions?${query}`);
    expect([response.statusCode, response.json().code]).toEqual([400, 'CHARLA_REQUEST_INVALID']);
  });
});

describe('GET /sessions/{id}', () => {
  it('shows the data tools and the calls of the session, and of no other', async () => {
    const mine = await start('ana', { user_context: { name: 'Ana' } });
    const other = await start('ana', { user_context: { name: 'canary' } });
    const call = { sessionId: mine.session_id, startedAt: new Date(), lastEvent: 1 };
    await store.query((db) =>
      db.insert(calls).values([
        { ...call, id: 'call-of-mine' },
        { ...call, id: 'call-of-other', sessionId: other.session_id },
      ]),
    );
    const shown = await get(`/sessions/${mine.session_id}`);
    expect(shown.json()).toMatchObject({
      session_id: mine.session_id,
      status: 'created',
      data_tools: { user_context: { name: 'Ana' } },
      calls: [{ id: 'call-of-mine', outcome: null }],
    });
    expect(shown.body).not.toContain('canary');
    expect(shown.body).not.toContain(other.session_id);
  });

  it('is 404 for what is not there', async () => {
    const response = await get('/sessions/nothing');
    expect([response.statusCode, response.json().code]).toEqual([404, 'CHARLA_SESSION_NOT_FOUND']);
  });
});

describe('POST /sessions/{id}/end', () => {
  it('closes the room for good, and says the same when it is asked again', async () => {
    const { session_id, room } = await start('ana');
    const end = () => app.inject({ method: 'POST', url: `/sessions/${session_id}/end`, headers: server });
    const ended = await end();
    expect([ended.statusCode, ended.json().status]).toEqual([200, 'ended']);
    expect(ended.json().ended_at).toEqual(expect.any(String));
    expect(await isOpenRoom(room)).toBe(false);
    expect((await end()).json()).toEqual(ended.json());
  });

  it('leaves the room alone that another session has by now', async () => {
    const post = async (user_id: string) =>
      (
        await app.inject({
          method: 'POST',
          url: '/token',
          headers: server,
          payload: { user_id, room: 'hall' },
        })
      ).json();
    const first = await post('ana');
    await app.inject({ method: 'POST', url: `/sessions/${first.session_id}/end`, headers: server });
    const second = await post('eve');
    await app.inject({ method: 'POST', url: `/sessions/${first.session_id}/end`, headers: server });
    await app.inject({ method: 'DELETE', url: `/sessions/${first.session_id}`, headers: server });
    expect(second.session_id).not.toBe(first.session_id);
    expect(await isOpenRoom('hall')).toBe(true);
  });
});

describe('DELETE /sessions/{id}', () => {
  it('forgets everything about a session, and nothing about another', async () => {
    const gone = await start('ana', { secret: 1 });
    const kept = await start('ana', { secret: 2 });
    await mkdir(join(home, 'recordings'), { recursive: true });
    for (const { session_id } of [gone, kept]) {
      const id = `call-${session_id}`;
      const file = `recordings/${session_id}.ogg`;
      await writeFile(join(home, file), 'sound');
      const at = new Date();
      await store.query(async (db) => {
        await db.insert(calls).values({ id, sessionId: session_id, startedAt: at, lastEvent: 1 });
        const said = { callId: id, number: 1, role: 'user', text: 'hola', at, interrupted: false } as const;
        await db.insert(turns).values({ ...said, latencies: {}, tools: [] });
        await db.insert(recordings).values({ id, callId: id, file, bytes: 5, durationMs: 1, createdAt: at });
      });
    }
    const remove = () =>
      app.inject({ method: 'DELETE', url: `/sessions/${gone.session_id}`, headers: server });
    const first = await remove();
    expect([first.statusCode, first.body]).toEqual([204, '']);
    expect((await remove()).statusCode).toBe(404);
    expect((await get(`/sessions/${gone.session_id}`)).statusCode).toBe(404);
    expect((await get(`/session/${gone.session_id}/data-tools`)).statusCode).toBe(404);
    expect(await isOpenRoom(gone.room)).toBe(false);
    expect(await readdir(join(home, 'recordings'))).toEqual([`${kept.session_id}.ogg`]);
    const rest = await store.query((db) => db.select({ callId: turns.callId }).from(turns));
    expect(rest).toEqual([{ callId: `call-${kept.session_id}` }]);
    expect((await get(`/session/${kept.session_id}/data-tools`)).json()).toEqual({ secret: 2 });
    expect(await isOpenRoom(kept.room)).toBe(true);
  });

  it('keeps a session of which a recording cannot be deleted, and says so', async () => {
    const { session_id, room } = await start('ana', { secret: 3 });
    const call = { id: `call-${session_id}`, sessionId: session_id, startedAt: new Date(), lastEvent: 1 };
    const sound = { id: call.id, callId: call.id, bytes: 5, durationMs: 1, createdAt: new Date() };
    await mkdir(join(home, 'recordings', session_id), { recursive: true });
    await store.query(async (db) => {
      await db.insert(calls).values(call);
      await db.insert(recordings).values({ ...sound, file: `recordings/${session_id}` });
    });
    const response = await app.inject({ method: 'DELETE', url: `/sessions/${session_id}`, headers: server });
    expect([response.statusCode, response.json().code]).toEqual([500, 'CHARLA_RECORDING_KEPT']);
    expect((await get(`/session/${session_id}/data-tools`)).json()).toEqual({ secret: 3 });
    expect(await isOpenRoom(room)).toBe(true);
  });
});
