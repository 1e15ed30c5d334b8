import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { buildTestServer } from '../support/test-server.ts';

const SHOP = 'https://shop.example';
const livekit = { request: async () => [] as never };
let app: FastifyInstance;

beforeAll(async () => {
  app = await buildTestServer({ config: loadConfig({ CORS_ORIGINS: SHOP }), livekit });
});
afterAll(() => app?.close());

async function start(headers: Record<string, string>, server = app) {
  return server.inject({ method: 'POST', url: '/session/start', headers, payload: { user_id: 'ana' } });
}

it.each([
  'localhost',
  'localhost:8000',
  '127.0.0.1:8000',
  '127.1.2.3',
  '[::1]:8000',
  'charla.localhost:8000',
])('open development answers to the name %s', async (host) => {
  expect((await start({ host })).statusCode).toBe(201);
  expect((await start({ host, origin: `http://${host}` })).statusCode).toBe(201);
});

it.each([
  'evil.example',
  'evil.example:8000',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  '192.168.1.10:8000',
  '[::2]',
  '128.0.0.1',
  'a b',
])('open development does not answer to the name «%s», which anybody may point at it', async (host) => {
  for (const url of ['/', '/settings', '/sessions', '/nothing']) {
    const response = await app.inject({ url, headers: { host } });
    expect([response.statusCode, response.json().code]).toEqual([403, 'CHARLA_HOST_REFUSED']);
  }
});

it.each(['https://evil.example', 'null', 'http://localhost:3000', 'https://localhost:8000', 'file://'])(
  'open development answers no page of %s',
  async (origin) => {
    const response = await start({ host: 'localhost:8000', origin });
    expect([response.statusCode, response.json().code]).toEqual([403, 'CHARLA_HOST_REFUSED']);
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/session/start',
      headers: { host: 'localhost:8000', origin, 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
  },
);

it('a page of CORS_ORIGINS may call, and read what a client needs; no other is told that it may', async () => {
  const headers = { host: 'localhost:8000', origin: SHOP };
  const response = await start(headers);
  expect(response.statusCode).toBe(201);
  expect(response.headers).toMatchObject({
    'access-control-allow-origin': SHOP,
    vary: expect.stringMatching(/origin/i),
  });
  expect(response.headers['access-control-expose-headers']).toMatch(/etag/i);
  expect(response.headers).not.toHaveProperty('access-control-allow-credentials');
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/session/x/data-tools',
    headers: {
      ...headers,
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization,content-type,if-match',
    },
  });
  expect(preflight.statusCode).toBe(204);
  expect(preflight.headers).toMatchObject({ 'access-control-allow-origin': SHOP });
  expect(preflight.headers['access-control-allow-methods']).toMatch(/PATCH/);
});

it('with keys it answers to any name, and the origin decides only what browsers may read', async () => {
  const guarded = await buildTestServer({
    config: loadConfig({
      NODE_ENV: 'production',
      LIVEKIT_API_KEY: 'key',
      LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
      ADMIN_API_KEY: 'an-api-key-of-the-tests',
    }),
    livekit,
  });
  const key = { 'x-api-key': 'an-api-key-of-the-tests' };
  const response = await start({ host: 'voice.example', origin: SHOP, ...key }, guarded);
  expect(response.statusCode).toBe(201);
  expect(response.headers).not.toHaveProperty('access-control-allow-origin');
  await guarded.close();
});
