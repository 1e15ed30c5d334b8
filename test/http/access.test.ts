import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { access, readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { SignJWT } from 'jose';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, type Scope } from '../../src/config/api-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import { entryOf, PERMISSIONS, permissionOf, type Role } from '../../src/http/permissions.ts';
import { buildTestServer } from '../support/test-server.ts';

const AUTH_SECRET = 'a-secret-for-tokens-of-users-0123456789';
const ADMIN_API_KEY = 'an-api-key-of-the-tests';
const livekit = { LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters' };

const keys = Object.fromEntries(
  (['sessions', 'history', 'metrics', 'admin'] as const).map((scope) => [
    scope,
    createApiKey(`for-${scope}`, [scope]),
  ]),
) as Record<Scope, { key: string; entry: string }>;

const config = loadConfig({
  NODE_ENV: 'production',
  ADMIN_API_KEY,
  AUTH_SECRET,
  API_KEYS: Object.values(keys)
    .map(({ entry }) => entry)
    .join(','),
  RATE_LIMIT_PER_MINUTE: '0',
  TOKEN_RATE_LIMIT_PER_MINUTE: '0',
  ...livekit,
});

interface Started {
  session_id: string;
  token: string;
}
type Headers = Record<string, string>;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

async function userToken(sub: string, claims: object = {}, expires = '5m'): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(AUTH_SECRET));
}

async function agentToken(secret = livekit.LIVEKIT_API_SECRET): Promise<string> {
  const token = new AccessToken(livekit.LIVEKIT_API_KEY, secret, { ttl: 60 });
  token.addGrant({ agent: true });
  return token.toJwt();
}

const unsigned = (claims: object) =>
  [{ alg: 'none', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
    .concat('.');

/** Every kind of caller: what they send, the role that it gives them, and for which user. `ana` has the session. */
const CALLERS: readonly {
  who: string;
  role: Role | 'admin' | 'nobody';
  user?: string;
  headers: (own: Started, others: Started) => Promise<Headers> | Headers;
}[] = [
  { who: 'nobody', role: 'nobody', headers: () => ({}) },
  { who: 'a wrong key', role: 'nobody', headers: () => ({ 'x-api-key': `${ADMIN_API_KEY}x` }) },
  { who: 'ADMIN_API_KEY as Bearer', role: 'nobody', headers: () => bearer(ADMIN_API_KEY) },
  { who: 'ADMIN_API_KEY', role: 'admin', headers: () => ({ 'x-api-key': ADMIN_API_KEY }) },
  { who: 'a key for admin', role: 'admin', headers: () => ({ 'x-api-key': keys.admin.key }) },
  { who: 'a key for sessions', role: 'sessions', headers: () => ({ 'x-api-key': keys.sessions.key }) },
  { who: 'a key for sessions as Bearer', role: 'sessions', headers: () => bearer(keys.sessions.key) },
  { who: 'a key for history', role: 'history', headers: () => ({ 'x-api-key': keys.history.key }) },
  { who: 'a key for metrics', role: 'metrics', headers: () => ({ 'x-api-key': keys.metrics.key }) },
  { who: 'an agent', role: 'agent', headers: async () => bearer(await agentToken()) },
  {
    who: 'an agent of another server',
    role: 'nobody',
    headers: async () => bearer(await agentToken('another-secret-of-thirty-two-letters')),
  },
  { who: 'the person in the call', role: 'participant', user: 'ana', headers: ({ token }) => bearer(token) },
  {
    who: 'the person in another call',
    role: 'participant',
    user: 'eve',
    headers: (_own, { token }) => bearer(token),
  },
  { who: 'the user', role: 'user', user: 'ana', headers: async () => bearer(await userToken('ana')) },
  { who: 'another user', role: 'user', user: 'eve', headers: async () => bearer(await userToken('eve')) },
  {
    who: 'the user, too late',
    role: 'nobody',
    headers: async () => bearer(await userToken('ana', {}, '-1m')),
  },
  {
    who: 'the user, by a token that nobody signed',
    role: 'nobody',
    headers: () => bearer(unsigned({ sub: 'ana', exp: 4_000_000_000 })),
  },
  {
    who: 'an agent, by a token that users are given',
    role: 'nobody',
    headers: async () =>
      bearer(await userToken('ana', { iss: livekit.LIVEKIT_API_KEY, video: { agent: true } })),
  },
];

const ok = { state: 'ok' } as const;
let app: FastifyInstance;
/** `METHOD url` of every route that the server registered after the table was put before them. */
const routes = new Set<string>();

beforeAll(async () => {
  const collect = (message: unknown) => {
    // Ours is the first; plugins may build others within.
    unsubscribe('fastify.initialization', collect);
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.add(`${one} ${url}`);
    });
  };
  subscribe('fastify.initialization', collect);
  app = await buildTestServer({
    config,
    // Rooms are not what this is about: each is opened, and none is there.
    livekit: { request: async () => [] as never },
    health: async () => ({
      status: 'ok',
      components: { store: ok, livekit: ok, inference: ok, worker: ok, llm: ok, stt: ok, tts: ok },
    }),
  });
  await app.ready();
});
afterAll(() => app?.close());

async function start(user_id: string): Promise<Started> {
  const response = await app.inject({
    method: 'POST',
    url: '/session/start',
    headers: { 'x-api-key': keys.sessions.key },
    payload: { user_id, data_tools: { plan: 'basic', private: { risk: 'high' } } },
  });
  expect(response.statusCode).toBe(201);
  return response.json<Started>();
}

/** Without what CORS answers, which tells nothing. */
const registered = () => [...routes].filter((route) => !/^(HEAD|OPTIONS) /.test(route));
const entries = () =>
  new Set(registered().map((route) => entryOf(...(route.split(' ') as [string, string]))));

describe('every route', () => {
  it('is in the table, and every entry of the table is a route', () => {
    expect([...entries()].toSorted()).toEqual(Object.keys(PERMISSIONS).toSorted());
  });

  it.each(CALLERS)('lets $who in where the table says so, and nowhere else', async (caller) => {
    const others = await start('eve');
    const kept = await start('ana');
    for (const route of registered()) {
      const [method = '', pattern = ''] = route.split(' ');
      const own = /^DELETE|\/end$/.test(route) ? await start('ana') : kept;
      const url = pattern
        .replace(':revision', '1')
        .replace(/:\w+/g, own.session_id)
        .replace('*', 'nothing.html');
      const response = await app.inject({
        method: method as 'POST',
        url,
        headers: await caller.headers(own, others),
        ...(method !== 'GET' && method !== 'DELETE' && { payload: { user_id: caller.user ?? 'ana' } }),
      });
      const allowed = permissionOf(method, pattern);
      const what = `${caller.who}: ${route} answered ${response.statusCode} ${response.body.slice(0, 200)}`;
      if (allowed.includes('anyone') || caller.role === 'admin') {
        expect([401, 403], what).not.toContain(response.statusCode);
      } else if (caller.role === 'nobody') {
        expect(response.statusCode, what).toBe(401);
      } else if (!allowed.includes(caller.role)) {
        expect(response.statusCode, what).toBe(403);
        expect(response.json()).toMatchObject({ code: 'CHARLA_FORBIDDEN' });
      } else if (caller.user === 'eve' && pattern.includes(':id')) {
        expect(response.statusCode, what).toBe(401);
        expect(response.body).not.toContain('basic');
      } else {
        expect([401, 403], what).not.toContain(response.statusCode);
      }
    }
  });
});

describe('a user with a token of the integrator', () => {
  const post = async (url: string, payload: object, headers?: Headers) =>
    app.inject({ method: 'POST', url, payload, headers: headers ?? bearer(await userToken('ana')) });

  it('starts a session for themself, gives what is not private, and nothing that only servers decide', async () => {
    const started = await post('/session/start', { user_id: 'ana', data_tools: { cart: 2 } });
    expect(started.statusCode).toBe(201);
    for (const more of [
      { user_id: 'eve' },
      { user_id: 'ana', profile: 'kiosk' },
      { user_id: 'ana', data_tools: { private: {} } },
    ]) {
      const refused = await post('/session/start', more);
      expect([400, 403], JSON.stringify(more)).toContain(refused.statusCode);
    }
    const headers = bearer(await userToken('ana'));
    const url = `/session/${started.json<Started>().session_id}/data-tools`;
    const patched = await app.inject({ method: 'PATCH', url, headers, payload: { cart: 3 } });
    expect([patched.statusCode, patched.json()]).toEqual([200, { cart: 3 }]);
  });

  it('gets a token for a conversation of their own, never for a room by its name', async () => {
    expect((await post('/token', { identity: 'ana' })).statusCode).toBe(200);
    for (const more of [
      { identity: 'eve' },
      { identity: 'ana', user_id: 'eve' },
      { user_id: 'ana', room: 'r' },
    ]) {
      expect((await post('/token', more)).statusCode, JSON.stringify(more)).toBe(403);
    }
  });

  it('sees and changes nothing private of their session', async () => {
    const { session_id } = await start('ana');
    const url = `/session/${session_id}/data-tools`;
    const headers = bearer(await userToken('ana'));
    expect((await app.inject({ url, headers })).json()).toEqual({ plan: 'basic' });
    const put = await app.inject({ method: 'PUT', url, headers, payload: { private: null } });
    expect(put.statusCode).toBe(400);
    const server = { 'x-api-key': keys.sessions.key };
    expect((await app.inject({ url, headers: server })).json()).toHaveProperty('private');
  });

  it('gives and changes no data tools where the integrator says so; nor does the person in a call', async () => {
    const strict = await buildTestServer({
      config: { ...config, CLIENT_DATA_TOOLS: false },
      livekit: { request: async () => [] as never },
    });
    const headers = bearer(await userToken('ana'));
    const ask = (method: 'POST' | 'PUT' | 'PATCH' | 'GET', url: string, payload?: object, as = headers) =>
      strict.inject({ method, url, headers: as, ...(payload && { payload }) });
    expect((await ask('POST', '/session/start', { user_id: 'ana', data_tools: {} })).statusCode).toBe(403);
    const { session_id, token } = (await ask('POST', '/session/start', { user_id: 'ana' })).json<Started>();
    const url = `/session/${session_id}/data-tools`;
    for (const as of [headers, bearer(token)]) {
      expect((await ask('PUT', url, { a: 1 }, as)).statusCode).toBe(403);
      expect((await ask('PATCH', url, { a: 1 }, as)).statusCode).toBe(403);
      expect((await ask('GET', url, undefined, as)).statusCode).toBe(200);
    }
    expect((await ask('PUT', url, { a: 1 }, { 'x-api-key': keys.sessions.key })).statusCode).toBe(200);
    await strict.close();
  });
});

describe('the log', () => {
  it('has the name of the key, the kind of everybody else, and no more of them', async () => {
    const { lines, log } = (await import('../support/log-lines.ts')).logLines();
    const logged = await buildTestServer({ config, log, livekit: { request: async () => [] as never } });
    await logged.inject({ url: '/sessions', headers: { 'x-api-key': keys.history.key } });
    await logged.inject({ url: '/sessions', headers: bearer(await userToken('ana.torres')) });
    await logged.inject({ url: '/sessions', headers: { 'x-api-key': 'guessed-0123456789' } });
    await logged.close();
    const callers = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'request')
      .map(({ caller }) => caller);
    expect(callers).toEqual(['key for-history', 'user', 'nobody']);
    expect(lines.join('')).not.toMatch(/torres|guessed|charla_/);
  });

  it('takes the request id of a proxy only where it is one', async () => {
    const id = async (sent: string) =>
      (await app.inject({ url: '/settings', headers: { 'x-request-id': sent } })).headers['x-request-id'];
    expect(await id('0b5c2b7c-1234')).toBe('0b5c2b7c-1234');
    for (const sent of ['short', 'has a space in it', 'x'.repeat(65), '"}{"level":60']) {
      expect(await id(sent)).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe('docs/security.md', () => {
  it('has every route with who may call it, and tests that there are', async () => {
    const page = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
    const rows = new Map(
      [...page.matchAll(/^\| `([A-Z]+ [^`]+)` +\| ([^|]+?) +\| ([^|]+?) +\|$/gmu)].map(
        ([, route = '', who = '', tests = '']) => [route, { who, tests }] as const,
      ),
    );
    expect([...rows.keys()].toSorted()).toEqual(Object.keys(PERMISSIONS).toSorted());
    for (const [route, { who, tests }] of rows) {
      const roles = who.split(', ').map((name) => name.replaceAll('`', ''));
      const wanted = PERMISSIONS[route] ?? [];
      expect(roles, route).toEqual(wanted.length === 0 ? ['admin alone'] : wanted);
      for (const file of tests.split(', ')) {
        await expect(
          access(new URL(`../../${file}`, import.meta.url)),
          `${route}: ${file}`,
        ).resolves.toBeUndefined();
      }
    }
  });
});
