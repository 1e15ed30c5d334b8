import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

const ADMIN_API_KEY = 'key-of-the-tests-0123456789';
const server = { 'x-api-key': ADMIN_API_KEY };

let livekit: TestLivekitServer;
let app: FastifyInstance;

beforeAll(async () => {
  livekit = await startLivekitServer();
  app = await buildTestServer({ config: testConfig(livekit, { NODE_ENV: 'production', ADMIN_API_KEY }) });
});
afterAll(async () => {
  await app?.close();
  await livekit?.stop();
});

async function start(
  dataTools: object,
): Promise<{ id: string; url: string; person: { authorization: string } }> {
  const response = await app.inject({
    method: 'POST',
    url: '/session/start',
    headers: server,
    payload: { user_id: 'ana', data_tools: dataTools },
  });
  expect(response.statusCode).toBe(201);
  const { session_id: id, token } = response.json<{ session_id: string; token: string }>();
  return { id, url: `/session/${id}/data-tools`, person: { authorization: `Bearer ${token}` } };
}

const change = (method: 'PUT' | 'PATCH', url: string, payload: object, headers: Record<string, string>) =>
  app.inject({ method, url, payload, headers: { ...server, ...headers } });

describe('If-Match', () => {
  it('lets through the change that was made for what is there, and no other', async () => {
    const { url } = await start({ n: 1 });
    const read = await app.inject({ url, headers: server });
    const etag = String(read.headers.etag);
    expect(etag).toMatch(/^"[^"]+"$/);
    const first = await change('PATCH', url, { n: 2 }, { 'if-match': etag });
    expect([first.statusCode, first.json()]).toEqual([200, { n: 2 }]);
    for (const method of ['PUT', 'PATCH'] as const) {
      const late = await change(method, url, { n: 3 }, { 'if-match': etag });
      expect([late.statusCode, late.json().code]).toEqual([412, 'CHARLA_SESSION_CHANGED']);
    }
    const again = await change('PUT', url, { n: 4 }, { 'if-match': String(first.headers.etag) });
    expect([again.statusCode, again.json()]).toEqual([200, { n: 4 }]);
  });

  it.each([
    ['*', 200],
    ['"1"', 200],
    ['"7", "1"', 200],
    ['W/"1"', 412],
    ['"1-public"', 412],
    ['1', 412],
    ['"x"', 412],
    ['"1', 412],
  ])('%s is answered %i', async (header, status) => {
    const { url } = await start({});
    expect((await change('PATCH', url, {}, { 'if-match': header })).statusCode).toBe(status);
  });

  it('lets one of many changes through that were made for the same revision', async () => {
    const { url } = await start({});
    const changes = Array.from({ length: 10 }, (_, n) => change('PATCH', url, { n }, { 'if-match': '"1"' }));
    const statuses = (await Promise.all(changes)).map(({ statusCode }) => statusCode);
    expect(statuses.toSorted()).toEqual([200, ...Array(9).fill(412)]);
  });
});

describe('If-None-Match', () => {
  it('is answered 304 while nothing has changed', async () => {
    const { url } = await start({ n: 1 });
    const { etag } = (await app.inject({ url, headers: server })).headers;
    const ask = () => app.inject({ url, headers: { ...server, 'if-none-match': String(etag) } });
    const same = await ask();
    expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, '', etag]);
    await change('PATCH', url, { n: 2 }, {});
    const changed = await ask();
    expect([changed.statusCode, changed.json()]).toEqual([200, { n: 2 }]);
  });

  it('of what a server sees says nothing of what the person sees, and the other way round', async () => {
    const { url, person } = await start({ n: 1, private: { risk: 'high' } });
    const ofServer = String((await app.inject({ url, headers: server })).headers.etag);
    const ofPerson = String((await app.inject({ url, headers: person })).headers.etag);
    expect(ofServer).not.toBe(ofPerson);
    const status = async (headers: Record<string, string>, etag: string) =>
      (await app.inject({ url, headers: { ...headers, 'if-none-match': etag } })).statusCode;
    expect(await status(server, ofPerson)).toBe(200);
    expect(await status(person, ofServer)).toBe(200);
    expect(await status(person, ofPerson)).toBe(304);
    const changed = await change(
      'PATCH',
      url,
      { n: 2 },
      { ...person, 'x-api-key': '', 'if-match': ofPerson },
    );
    expect([changed.statusCode, changed.json()]).toEqual([200, { n: 2 }]);
  });
});

describe('earlier revisions', () => {
  it('are listed and read by servers, and not by the person', async () => {
    const { id, url, person } = await start({ n: 1, private: { risk: 'high' } });
    await change('PATCH', url, { n: 2, private: null }, {});
    await change('PUT', url, { n: 3 }, {});
    const list = await app.inject({ url: `${url}/versions`, headers: server });
    expect(list.json().items.map(({ revision }: { revision: number }) => revision)).toEqual([2, 1]);
    const read = async (revision: number | string, headers: Record<string, string> = server) => {
      const response = await app.inject({ url: `${url}/versions/${revision}`, headers });
      return [response.statusCode, response.statusCode === 200 ? response.json() : response.json().code];
    };
    expect(await read(1)).toEqual([200, { n: 1, private: { risk: 'high' } }]);
    expect(await read(2)).toEqual([200, { n: 2 }]);
    expect(await read(3)).toEqual([200, { n: 3 }]);
    expect(await read(4)).toEqual([404, 'CHARLA_REVISION_NOT_FOUND']);
    expect(await read('one')).toEqual([400, 'CHARLA_REQUEST_INVALID']);
    for (const path of ['versions', 'versions/1']) {
      const refused = await app.inject({ url: `${url}/${path}`, headers: person });
      expect(refused.statusCode).toBeGreaterThanOrEqual(401);
      expect(refused.statusCode).toBeLessThanOrEqual(403);
      expect(refused.body).not.toContain('high');
    }
    await app.inject({ method: 'DELETE', url: `/sessions/${id}`, headers: server });
    expect(await read(1)).toEqual([404, 'CHARLA_SESSION_NOT_FOUND']);
  });
});

it('nothing changes the data tools of a session that is over', async () => {
  const { id, url } = await start({ n: 1 });
  await app.inject({ method: 'POST', url: `/sessions/${id}/end`, headers: server });
  for (const method of ['PUT', 'PATCH'] as const) {
    const late = await change(method, url, { n: 2 }, {});
    expect([late.statusCode, late.json().code]).toEqual([409, 'CHARLA_SESSION_ENDED']);
  }
  expect((await app.inject({ url, headers: server })).json()).toEqual({ n: 1 });
});
