import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLiveKit } from '../../src/rooms/livekit.ts';
import { parseRoomMetadata } from '../../src/rooms/metadata.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const log = createLogger('test', 'fatal');
let livekit: TestLivekitServer;
let app: FastifyInstance;
let guarded: FastifyInstance;
let pageRoot: string;
let store: Store;

beforeAll(async () => {
  livekit = await startLivekitServer();
  pageRoot = await mkdtemp(join(tmpdir(), 'charla-page-'));
  await mkdir(join(pageRoot, 'assets'));
  await writeFile(join(pageRoot, 'index.html'), '<!doctype html><title>Charla</title>');
  await writeFile(join(pageRoot, 'assets', 'index-abc123.js'), 'export {};');
  store = await openTestStore();
  app = await buildTestServer({
    config: testConfig(livekit, { LLM_PROVIDER: 'local' }),
    log,
    pageRoot,
    store,
  });
  const ADMIN_API_KEY = 'key-of-the-tests-0123456789';
  guarded = await buildTestServer({
    config: testConfig(livekit, { NODE_ENV: 'production', ADMIN_API_KEY }),
    log,
    pageRoot,
    store,
  });
});

afterAll(async () => {
  await app?.close();
  await guarded?.close();
  await store?.close();
  await livekit?.stop();
  await rm(pageRoot, { recursive: true, force: true });
});

describe('POST /token', () => {
  const token = async (payload: object) => {
    const response = await app.inject({ method: 'POST', url: '/token', payload });
    return { status: response.statusCode, answer: response.json() };
  };

  it('opens LIVEKIT_ROOM with an agent when no room is named', async () => {
    const { status, answer } = await token({ identity: 'ana' });
    expect(status).toBe(200);
    expect(answer).toMatchObject({ room: 'charla', identity: 'ana', url: livekit.url });
    const api = createLiveKit(testConfig(livekit));
    const [room] = await api.request(({ rooms }) => rooms.listRooms(['charla']));
    expect(parseRoomMetadata(room?.metadata ?? '')?.session).toMatchObject({ userId: 'ana', language: 'es' });
    const dispatches = await api.request(({ dispatches }) => dispatches.listDispatch('charla'));
    expect(dispatches).toHaveLength(1);
  });

  it('lets the second person into the same room and session, with one agent', async () => {
    const first = await token({ user_id: 'ana', room: 'lobby' });
    const second = await token({ user_id: 'juan', room: 'lobby' });
    expect(second.answer).toMatchObject({
      room: 'lobby',
      identity: 'juan',
      session_id: first.answer.session_id,
    });
    const api = createLiveKit(testConfig(livekit));
    expect(await api.request(({ dispatches }) => dispatches.listDispatch('lobby'))).toHaveLength(1);
  });

  it('gives each person a conversation of their own when none names a room, and the same one when they come back', async () => {
    const ana = await token({ identity: 'ana' });
    const juan = await token({ identity: 'juan' });
    expect(ana.answer.room).toBe('charla');
    expect(juan.answer.room).toMatch(/^charla-[0-9a-f]{32}$/);
    expect(juan.answer.session_id).not.toBe(ana.answer.session_id);
    const url = `/session/${ana.answer.session_id}/data-tools`;
    const asJuan = await guarded.inject({ url, headers: { authorization: `Bearer ${juan.answer.token}` } });
    expect(asJuan.statusCode).toBe(401);

    const api = createLiveKit(testConfig(livekit));
    expect(await api.request(({ dispatches }) => dispatches.listDispatch(juan.answer.room))).toHaveLength(1);
    expect((await token({ identity: 'ana' })).answer.session_id).toBe(ana.answer.session_id);
    await api.request(({ rooms }) => rooms.deleteRoom('charla'));
    expect((await token({ identity: 'juan' })).answer.session_id).toBe(juan.answer.session_id);
    expect((await token({ identity: 'eva' })).answer.room).toBe('charla');
  });

  it('finds the session of a room that was opened before this process started', async () => {
    const first = await token({ identity: 'ana', room: 'older' });
    const restarted = await buildTestServer({ config: testConfig(livekit), log, pageRoot, store });
    const again = await restarted.inject({
      method: 'POST',
      url: '/token',
      payload: { identity: 'ana', room: 'older' },
    });
    expect(again.json().session_id).toBe(first.answer.session_id);
    await restarted.close();
  });

  it('brings metadata and an agent into a room that somebody else opened without', async () => {
    const api = createLiveKit(testConfig(livekit));
    await api.request(({ rooms }) => rooms.createRoom({ name: 'foreign', metadata: 'theirs' }));
    const watching = await buildTestServer({
      config: testConfig(livekit),
      log,
      pageRoot,
      agentWatch: { firstLookMs: 50 },
    });
    await watching.inject({ method: 'POST', url: '/token', payload: { identity: 'ana', room: 'foreign' } });
    await vi.waitFor(
      async () => {
        const dispatches = await api.request(({ dispatches }) => dispatches.listDispatch('foreign'));
        expect(dispatches.filter(({ agentName }) => agentName === 'charla')).toHaveLength(1);
      },
      { timeout: 5_000 },
    );
    const [room] = await api.request(({ rooms }) => rooms.listRooms(['foreign']));
    expect(parseRoomMetadata(room?.metadata ?? '')?.session.userId).toBe('ana');
    await watching.close();
  });

  it.each([
    [{}],
    [{ identity: '' }],
    [{ identity: 'a\u0000' }],
    [{ identity: 'ana', room: 'x'.repeat(129) }],
    [{ identity: 'ana', room: 'half of a smile \ud83d' }],
  ])('refuses %j', async (payload) => {
    const { status, answer } = await token(payload);
    expect([status, answer.code]).toEqual([400, 'CHARLA_REQUEST_INVALID']);
  });
});

describe('POST /get-user-data', () => {
  it.each([
    ['juan', 'Juan Pérez'],
    ['Juan Pérez', 'Juan Pérez'],
    ['ANA', 'Ana'],
    ['carlos', 'Carlos'],
  ])('knows %s', async (user_id, name) => {
    const response = await app.inject({ method: 'POST', url: '/get-user-data', payload: { user_id } });
    expect(response.json().data_tools.user_context.name).toBe(name);
  });

  it('is 404 for others, and for names of JavaScript', async () => {
    for (const user_id of ['nobody', 'constructor', '__proto__']) {
      const response = await app.inject({ method: 'POST', url: '/get-user-data', payload: { user_id } });
      expect([response.statusCode, response.json().code]).toEqual([404, 'CHARLA_USER_NOT_FOUND']);
    }
  });
});

describe('GET /settings', () => {
  it('says how the page is to be, and no secret', async () => {
    const response = await app.inject('/settings');
    expect(response.json()).toEqual({
      project_name: 'Charla',
      llm_model: 'qwen2.5-0.5b',
      language: 'es',
      auto_connect: true,
      enable_tools: true,
      frontend_theme: 'modern',
    });
  });
});

describe('the page', () => {
  it('is at /, may talk to LiveKit and to nobody else, and may use the microphone', async () => {
    const response = await app.inject('/');
    expect(response.statusCode).toBe(200);
    expect(response.headers['cache-control']).toBe('no-cache');
    const policy = String(response.headers['content-security-policy']);
    const host = livekit.url.replace('ws://', '');
    expect(policy).toContain(`connect-src 'self' ws://${host} http://${host}`);
    expect(policy).not.toContain('unsafe');
    expect(response.headers['permissions-policy']).toContain('microphone=(self)');
  });

  it('keeps hashed files for ever', async () => {
    const response = await app.inject('/assets/index-abc123.js');
    expect(response.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });

  it('gives nothing from outside its folder', async () => {
    for (const url of ['/../package.json', '/..%2fpackage.json', '/%2e%2e/package.json']) {
      expect((await app.inject(url)).statusCode).toBeGreaterThanOrEqual(400);
    }
  });

  it('says what to do when it is not built', async () => {
    const bare = await buildTestServer({
      config: testConfig(livekit),
      log,
      pageRoot: join(pageRoot, 'nothing'),
    });
    const response = await bare.inject('/');
    expect(response.statusCode).toBe(503);
    expect(response.body).toContain('npm run build');
    expect((await bare.inject('/settings')).statusCode).toBe(200);
    await bare.close();
  });
});

describe('anything else', () => {
  it('is a problem in RFC 9457 form with the request id', async () => {
    const response = await app.inject({ method: 'DELETE', url: '/nothing?x=1' });
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toEqual({
      type: 'urn:charla:error:CHARLA_NOT_FOUND',
      title: 'Not found',
      status: 404,
      code: 'CHARLA_NOT_FOUND',
      detail: expect.stringContaining('DELETE /nothing'),
      instance: `urn:charla:request:${response.headers['x-request-id']}`,
    });
  });

  it('shows nothing of its inside when it fails', async () => {
    const failing = await buildTestServer({
      config: testConfig(livekit),
      log,
      pageRoot,
      livekit: { request: () => Promise.reject(new Error('the password is hunter2')) },
    });
    const response = await failing.inject({
      method: 'POST',
      url: '/session/start',
      payload: { user_id: 'ana' },
    });
    expect([response.statusCode, response.json().code]).toEqual([500, 'CHARLA_INTERNAL']);
    expect(response.body).not.toContain('hunter2');
    await failing.close();
  });
});
