import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { parseRoomMetadata } from '../../src/rooms/metadata.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const ADMIN_API_KEY = 'key-of-the-tests-0123456789';

let livekit: TestLivekitServer;
let api: LiveKit;
let app: FastifyInstance;
let other: FastifyInstance;
/** As in production: who may do what counts. */
let guarded: FastifyInstance;
let closeStore: () => Promise<void>;

beforeAll(async () => {
  livekit = await startLivekitServer();
  const config = testConfig(livekit);
  api = createLiveKit(config);
  const store = await openTestStore();
  closeStore = () => store.close();
  app = await buildTestServer({ config, store });
  other = await buildTestServer({ config, store });
  guarded = await buildTestServer({
    config: testConfig(livekit, { NODE_ENV: 'production', ADMIN_API_KEY }),
    store,
  });
});

afterAll(async () => {
  await app?.close();
  await other?.close();
  await guarded?.close();
  await closeStore?.();
  await livekit?.stop();
});

const put = (name: string, payload: object, headers = {}) =>
  app.inject({ method: 'PUT', url: `/profiles/${name}`, payload, headers });
const start = (payload: object, on = app) => on.inject({ method: 'POST', url: '/session/start', payload });
const named = { data_tools_schema: { type: 'object', required: ['user_context'] } };

describe('/profiles', () => {
  it('are made, read, replaced, listed by name, and deleted', async () => {
    const settings = {
      instructions: 'Sé breve.',
      tools: { update_data: { allowed: true, paths: ['/user_context'] } },
    };
    const made = await put('zapatos', settings);
    expect(made.statusCode).toBe(201);
    expect(made.json()).toMatchObject({ name: 'zapatos', revision: 1 });
    // A change asks the caller unless the profile says that it need not.
    expect(made.json().settings.tools.update_data.confirm).toBe(true);
    expect((await put('arboles', {})).statusCode).toBe(201);
    const again = await put('zapatos', {});
    expect(again.statusCode).toBe(200);
    expect(again.json()).toMatchObject({ revision: 2, settings: {} });

    const first = (await app.inject('/profiles?limit=1')).json();
    expect(first.items.map(({ name }: { name: string }) => name)).toEqual(['arboles']);
    const second = (await app.inject(`/profiles?limit=1&cursor=${first.next}`)).json();
    expect(second.items.map(({ name }: { name: string }) => name)).toEqual(['zapatos']);
    expect(second.next).toBeNull();
    expect((await app.inject('/profiles?cursor=junk!')).statusCode).toBe(400);

    expect((await app.inject({ method: 'DELETE', url: '/profiles/arboles' })).statusCode).toBe(204);
    expect((await app.inject({ method: 'DELETE', url: '/profiles/arboles' })).statusCode).toBe(404);
    expect((await app.inject('/profiles/arboles')).json().code).toBe('CHARLA_PROFILE_NOT_FOUND');
  });

  it('change only from the revision that somebody has read, where they say so', async () => {
    const { etag = '' } = (await put('etag', {})).headers;
    expect((await put('etag', {}, { 'if-none-match': '*' })).statusCode).toBe(412);
    expect((await put('etag', { instructions: 'a' }, { 'if-match': String(etag) })).statusCode).toBe(200);
    const late = await put('etag', { instructions: 'b' }, { 'if-match': String(etag) });
    expect(late.json()).toMatchObject({ status: 412, code: 'CHARLA_PROFILE_CHANGED' });
    const read = await app.inject('/profiles/etag');
    expect(read.json().settings.instructions).toBe('a');
    const headers = { 'if-none-match': String(read.headers.etag) };
    expect((await app.inject({ url: '/profiles/etag', headers })).statusCode).toBe(304);
    expect((await put('etag', {}, { 'if-match': `W/${String(read.headers.etag)}` })).statusCode).toBe(412);
    expect((await put('none', {}, { 'if-match': '*' })).statusCode).toBe(412);
    // One that was deleted and made again is another.
    await app.inject({ method: 'DELETE', url: '/profiles/etag' });
    await put('etag', {});
    await put('etag', { instructions: 'a' });
    expect((await put('etag', {}, { 'if-match': String(read.headers.etag) })).statusCode).toBe(412);
  });

  it.each([
    [{ instruction: 'typo' }, 'CHARLA_REQUEST_INVALID'],
    [{ tools: { order_pizza: { allowed: true } } }, 'CHARLA_REQUEST_INVALID'],
    [{ tools: { update_data: { allowed: true, paths: ['/private/x'] } } }, 'CHARLA_REQUEST_INVALID'],
    [{ instructions: 'x'.repeat(2_001) }, 'CHARLA_REQUEST_INVALID'],
    [{ data_tools_schema: { type: 'text' } }, 'CHARLA_PROFILE_INVALID'],
    [{ data_tools_schema: { $ref: 'https://evil.example/' } }, 'CHARLA_PROFILE_INVALID'],
  ])('%j is no profile', async (settings, code) => {
    const answer = await put('bad', settings);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code,
      errors: [expect.objectContaining({ path: expect.any(String) })],
    });
    expect((await app.inject('/profiles/bad')).statusCode).toBe(404);
  });
});

describe('a session of a profile', () => {
  it('starts and changes only with data tools that keep to its schema', async () => {
    await put('strict', {
      data_tools_schema: {
        type: 'object',
        required: ['user_context'],
        properties: { user_context: { type: 'object', properties: { name: { type: 'string' } } } },
      },
    });
    const refused = await start({
      user_id: 'ana',
      profile: 'strict',
      data_tools: { user_context: { name: 7 } },
    });
    expect(refused.json()).toMatchObject({
      code: 'CHARLA_DATA_TOOLS_INVALID',
      errors: [{ path: '/data_tools/user_context/name', message: 'it has to be string' }],
    });
    const session = (
      await start({ user_id: 'ana', profile: 'strict', data_tools: { user_context: { name: 'Ana' } } })
    ).json();
    const url = `/session/${session.session_id}/data-tools`;
    for (const on of [app, other]) {
      const patched = await on.inject({ method: 'PATCH', url, payload: { user_context: null } });
      expect(patched.json()).toMatchObject({
        code: 'CHARLA_DATA_TOOLS_INVALID',
        errors: [{ path: '/user_context' }],
      });
      expect((await on.inject({ method: 'PUT', url, payload: {} })).statusCode).toBe(400);
    }
    expect((await app.inject({ url })).json()).toEqual({ user_context: { name: 'Ana' } });
    const good = await other.inject({ method: 'PATCH', url, payload: { user_context: { name: 'Eva' } } });
    expect(good.statusCode).toBe(200);
  });

  it('tells the person in the call nothing about what is private', async () => {
    await put('secret', {});
    const dataTools = { private: { score: 3 } };
    const session = (await start({ user_id: 'ana', profile: 'secret', data_tools: dataTools })).json();
    const score = { type: 'object', properties: { score: { type: 'number', minimum: 5 } } };
    await put('secret', { data_tools_schema: { type: 'object', properties: { private: score } } });
    const url = `/session/${session.session_id}/data-tools`;
    const change = (headers: Record<string, string>) =>
      guarded.inject({ method: 'PATCH', url, payload: { cart: [] }, headers });
    const person = await change({ authorization: `Bearer ${session.token}` });
    expect(person.statusCode).toBe(400);
    expect(person.body).not.toContain('score');
    const server = await change({ 'x-api-key': ADMIN_API_KEY });
    expect(server.json().errors).toEqual([{ path: '/private/score', message: 'it has to be >= 5' }]);
  });

  it('may start without data tools, and under any name', async () => {
    await put('needy', named);
    expect((await start({ user_id: 'ana', profile: 'needy' })).statusCode).toBe(201);
    expect((await start({ user_id: 'ana', profile: 'needy', data_tools: {} })).statusCode).toBe(400);
    const unknown = await start({ user_id: 'ana', profile: 'whatever', data_tools: {} });
    expect(unknown.json().profile).toBe('whatever');
  });

  it('has its agent told that there are settings to fetch, and no other', async () => {
    await put('told', {});
    const metadataOf = async (profile: string) => {
      const { room } = (await start({ user_id: 'ana', profile })).json();
      const [found] = await api.request(({ rooms }) => rooms.listRooms([room]));
      return parseRoomMetadata(found?.metadata ?? '');
    };
    expect((await metadataOf('told'))?.profileRef).toBe(true);
    expect((await metadataOf('untold'))?.profileRef).toBeUndefined();
  });

  it('is checked by a profile that another server has just changed, within a second or so', async () => {
    await put('moving', {});
    const payload = { user_id: 'ana', profile: 'moving', data_tools: {} };
    expect((await start(payload, other)).statusCode).toBe(201);
    await put('moving', named);
    expect((await start(payload)).statusCode).toBe(400);
    await expect.poll(async () => (await start(payload, other)).statusCode, { timeout: 5_000 }).toBe(400);
  });
});

describe('telephone numbers of profiles', () => {
  it('are kept in one form, and each once', async () => {
    const made = await put('lines', { numbers: ['+34 911 000 001', 'tel:+34911000001', '0034911000002'] });
    expect(made.json().settings.numbers).toEqual(['+34911000001', '+34911000002']);
  });

  it('are of one profile alone, however they are written', async () => {
    expect((await put('first', { numbers: ['+34911000010'] })).statusCode).toBe(201);
    for (const number of ['+34911000010', '34911000010', 'sip:+34911000010@carrier.example']) {
      const refused = await put('second', { numbers: ['+34911000011', number] });
      expect(refused.statusCode).toBe(409);
      expect(refused.json().code).toBe('CHARLA_PROFILE_NUMBER_TAKEN');
      expect(refused.json().detail).toContain('34911000010 is of the profile «first»');
    }
    expect((await app.inject('/profiles/second')).statusCode).toBe(404);
    // One may keep its own, and take what another has given up.
    expect((await put('first', { numbers: ['+34911000010'], instructions: 'x' })).statusCode).toBe(200);
    expect((await put('first', {})).statusCode).toBe(200);
    expect((await put('second', { numbers: ['+34911000010'] })).statusCode).toBe(201);
  });

  it('go to one of two profiles that want the same at once, also on two servers', async () => {
    const wanting = ['a', 'b', 'c', 'd'].map((name, index) =>
      (index % 2 === 0 ? app : other).inject({
        method: 'PUT',
        url: `/profiles/at-once-${name}`,
        payload: { numbers: ['+34911000020'] },
      }),
    );
    const codes = (await Promise.all(wanting)).map(({ statusCode }) => statusCode);
    expect(codes.toSorted()).toEqual([201, 409, 409, 409]);
  });

  it('are not hidden by anything else that a profile holds', async () => {
    const odd = { data_tools_schema: { const: '\u0000 +34911000030' } };
    expect((await put('odd', odd)).statusCode).toBe(201);
    expect((await put('number-30', { numbers: ['+34911000030'] })).statusCode).toBe(201);
  });

  it.each([['ana'], ['+34x'], ['12345678901234567']])('%s is none', async (number) => {
    const refused = await put('bad-number', { numbers: [number] });
    expect(refused.statusCode).toBe(400);
    expect(refused.json().errors[0].message).toContain('is not a telephone number');
  });
});
