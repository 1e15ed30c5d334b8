import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallStore, createCallStore } from '../../src/calls/call-store.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Store } from '../../src/store/store.ts';
import { addSession, ended, numbered, started } from '../support/call-events.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const keys = {
  NODE_ENV: 'test',
  HOST: '0.0.0.0',
  LIVEKIT_API_KEY: 'testkey',
  LIVEKIT_API_SECRET: 'a-secret-of-the-tests-on-loopback-only',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
  RECORDINGS_MAX_MB: '1',
};
const server = { 'x-api-key': keys.ADMIN_API_KEY };
const SOUND = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251));
const idOf = (callId: string) => `sound-of-${callId}`;
const BEGAN = '2026-01-01T12:00:04.200Z';

let s3: S3Server;
let agent: Record<string, string>;
beforeAll(async () => {
  s3 = await startS3Server();
  const token = new AccessToken(keys.LIVEKIT_API_KEY, keys.LIVEKIT_API_SECRET, { ttl: 60, identity: 'a' });
  token.addGrant({ agent: true });
  agent = { authorization: `Bearer ${await token.toJwt()}` };
});
afterAll(() => s3?.close());

describe.each(['disk', 's3'])('recordings on %s', (storage) => {
  let home: string;
  let store: Store;
  let calls: CallStore;
  let app: FastifyInstance;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'charla-recordings-'));
    store = await openTestStore();
    calls = createCallStore(store);
    const config = loadConfig({ ...keys, CHARLA_HOME: home, ...(storage === 's3' && s3.env) });
    app = await buildTestServer({ config, store });
  });
  afterAll(async () => {
    await app?.close();
    await store?.close();
    await rm(home, { recursive: true, force: true });
  });

  async function addCall(name: string): Promise<string> {
    await addSession(store, `s-${name}`, 'ana');
    await calls.take(`c-${name}`, numbered([started(`s-${name}`), ended()]));
    return `c-${name}`;
  }
  const put = (
    callId: string,
    more: { id?: string; headers?: object; payload?: Buffer; query?: object } = {},
  ) =>
    app.inject({
      method: 'PUT',
      url: `/calls/${callId}/recordings/${more.id ?? idOf(callId)}`,
      query: { duration_ms: '1234', created_at: BEGAN, ...more.query },
      headers: { ...agent, 'content-type': 'audio/ogg', ...more.headers },
      payload: more.payload ?? SOUND,
    });
  const get = (callId: string, headers = {}) =>
    app.inject({ url: `/calls/${callId}/recordings/${idOf(callId)}`, headers: { ...server, ...headers } });
  const listed = async (callId: string) =>
    (await app.inject({ url: `/calls/${callId}`, headers: server })).json().recordings;
  const files = async () =>
    (await readdir(home, { recursive: true })).filter((name) => /\.(ogg|wav)$/.test(name));

  it('are listed with their call, and heard as they were sent', async () => {
    const callId = await addCall('whole');
    expect(await listed(callId)).toEqual([]);
    const shown = {
      id: idOf(callId),
      format: 'ogg',
      bytes: SOUND.length,
      duration_ms: 1234,
      created_at: BEGAN,
    };
    const answer = await put(callId);
    expect([answer.statusCode, answer.json()]).toEqual([200, shown]);
    expect(await listed(callId)).toEqual([shown]);
    const heard = await get(callId);
    expect([heard.statusCode, heard.headers['content-type']]).toEqual([200, 'audio/ogg']);
    expect(heard.headers).toMatchObject({ 'accept-ranges': 'bytes', 'cache-control': 'private, no-store' });
    expect(heard.rawPayload).toEqual(SOUND);
    expect((await files()).length).toBe(storage === 'disk' ? 1 : 0);
  });

  it('are heard in parts', async () => {
    const callId = await addCall('parts');
    await put(callId);
    const part = await get(callId, { range: 'bytes=100-199' });
    expect([part.statusCode, part.headers['content-range']]).toEqual([206, 'bytes 100-199/5000']);
    expect(part.rawPayload).toEqual(SOUND.subarray(100, 200));
    const end = await get(callId, { range: 'bytes=-10' });
    expect(end.rawPayload).toEqual(SOUND.subarray(-10));
    const none = await get(callId, { range: 'bytes=5000-' });
    expect([none.statusCode, none.rawPayload.length]).toEqual([200, 5_000]);
  });

  it('that come twice are kept once', async () => {
    const callId = await addCall('twice');
    await put(callId);
    const again = await put(callId, { payload: Buffer.from('other'), query: { duration_ms: '1' } });
    expect(again.json()).toMatchObject({ bytes: SOUND.length, duration_ms: 1234 });
    expect((await get(callId)).rawPayload).toEqual(SOUND);
    expect((await listed(callId)).length).toBe(1);
  });

  it('of no call, of no recording, or of another kind are refused, and leave nothing', async () => {
    const before = await files();
    expect((await put('c-nobody')).json()).toMatchObject({ status: 404, code: 'CHARLA_CALL_NOT_FOUND' });
    const callId = await addCall('refused');
    expect((await put(callId, { headers: { 'content-type': 'audio/mpeg' } })).statusCode).toBe(415);
    expect((await put(callId, { query: { duration_ms: '-1' } })).statusCode).toBe(400);
    expect((await put(callId, { headers: { authorization: '', ...server } })).statusCode).toBe(200);
    expect((await get('c-nobody')).json()).toMatchObject({ status: 404, code: 'CHARLA_RECORDING_NOT_FOUND' });
    const large = await put(callId, { id: 'too-large', payload: Buffer.alloc(18 * 2 ** 20) });
    expect(large.json()).toMatchObject({ status: 413, code: 'CHARLA_BODY_TOO_LARGE' });
    expect((await files()).length).toBe(before.length + (storage === 'disk' ? 1 : 0));
  });

  it('are deleted one by one, and with their session', async () => {
    const callId = await addCall('deleted');
    await put(callId);
    const remove = () =>
      app.inject({ method: 'DELETE', url: `/calls/${callId}/recordings/${idOf(callId)}`, headers: server });
    expect((await remove()).statusCode).toBe(204);
    expect([(await remove()).statusCode, (await get(callId)).statusCode]).toEqual([404, 404]);
    expect(await listed(callId)).toEqual([]);

    await put(callId);
    const before = (await files()).length;
    await app.inject({ method: 'DELETE', url: '/sessions/s-deleted', headers: server });
    expect((await get(callId)).statusCode).toBe(404);
    if (storage === 'disk') expect((await files()).length).toBe(before - 1);
  });
});

describe('recordings that cannot be reached', () => {
  it('are refused with a sentence, and a session whose recording stays is kept', async () => {
    const home = await mkdtemp(join(tmpdir(), 'charla-recordings-'));
    const store = await openTestStore();
    await addSession(store, 's-away', 'ana');
    await createCallStore(store).take('c-away', numbered([started('s-away'), ended()]));
    const away = { ...s3.env, RECORDINGS_S3_URL: 'http://127.0.0.1:9' };
    const config = loadConfig({ ...keys, CHARLA_HOME: home, ...away });
    const kept = loadConfig({ ...keys, CHARLA_HOME: home, ...s3.env });
    const [app, good] = [
      await buildTestServer({ config, store }),
      await buildTestServer({ config: kept, store }),
    ];
    const request = {
      method: 'PUT',
      url: `/calls/c-away/recordings/sound-of-c-away?duration_ms=1&created_at=${BEGAN}`,
      headers: { ...agent, 'content-type': 'audio/wav' },
      payload: SOUND,
    } as const;
    expect((await app.inject(request)).json()).toMatchObject({
      status: 503,
      code: 'CHARLA_RECORDINGS_UNAVAILABLE',
    });
    expect((await good.inject(request)).statusCode).toBe(200);
    const heard = await app.inject({ url: `/calls/c-away/recordings/sound-of-c-away`, headers: server });
    expect(heard.json()).toMatchObject({ status: 503, code: 'CHARLA_RECORDINGS_UNAVAILABLE' });
    const gone = { method: 'DELETE', url: '/sessions/s-away', headers: server } as const;
    expect((await app.inject(gone)).json()).toMatchObject({ status: 500, code: 'CHARLA_RECORDING_KEPT' });
    expect((await good.inject(gone)).statusCode).toBe(204);

    // A disk that takes nothing: what has to be a folder is a file.
    const full = await mkdtemp(join(tmpdir(), 'charla-recordings-'));
    await writeFile(join(full, 'recordings'), '');
    const disk = await buildTestServer({ config: loadConfig({ ...keys, CHARLA_HOME: full }), store });
    await addSession(store, 's-full', 'ana');
    await createCallStore(store).take('c-full', numbered([started('s-full')]));
    const refused = await disk.inject({ ...request, url: request.url.replace('c-away', 'c-full') });
    expect(refused.json()).toMatchObject({ status: 503, code: 'CHARLA_RECORDINGS_UNAVAILABLE' });
    await Promise.all([app.close(), good.close(), disk.close()]);
    await store.close();
    await Promise.all([home, full].map((folder) => rm(folder, { recursive: true, force: true })));
  });
});
