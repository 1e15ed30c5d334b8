import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApiKey } from '../../src/config/api-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Store } from '../../src/store/store.ts';
import { freePort } from '../support/livekit-server.ts';
import { logLines } from '../support/log-lines.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const pair = { LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters' };
const shop = createApiKey('shop', ['sessions']);
const other = createApiKey('other', ['sessions']);
const livekit = { request: async () => [] as never };
const limits = {
  NODE_ENV: 'production',
  API_KEYS: `${shop.entry},${other.entry}`,
  RATE_LIMIT_PER_MINUTE: '4',
  TOKEN_RATE_LIMIT_PER_MINUTE: '2',
  ...pair,
};

const open: { close(): unknown }[] = [];
let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store?.close());
afterEach(async () => {
  vi.useRealTimers();
  for (const one of open.splice(0).reverse()) await one.close();
});

async function server(env: Record<string, string> = {}, log = logLines().log): Promise<FastifyInstance> {
  const app = await buildTestServer({ config: loadConfig({ ...limits, ...env }), livekit, log, store });
  open.push(app);
  return app;
}

const settings = (app: FastifyInstance, remoteAddress = '203.0.113.1', headers = {}, url = '/settings') =>
  app.inject({ url, remoteAddress, headers });

/** How many of so many requests were answered. */
async function answered(count: number, ask: () => Promise<{ statusCode: number }>): Promise<number> {
  let passed = 0;
  for (let index = 0; index < count; index++) if ((await ask()).statusCode !== 429) passed += 1;
  return passed;
}

async function startRedis(port: number): Promise<{ stop(): Promise<void> }> {
  const child: ChildProcess = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no'],
    { stdio: 'ignore', cwd: '/tmp' },
  );
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  open.push({ close: stop });
  await once(child, 'spawn');
  await vi.waitFor(
    async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    },
    { timeout: 10_000 },
  );
  return { stop };
}

/** How many connections that Redis has which were let in, besides the one that asks. */
async function clients(port: number): Promise<number> {
  const redis = new Redis(port, '127.0.0.1');
  const list = String(await redis.client('LIST'));
  redis.disconnect();
  return list.trim().split('\n').length - 1;
}

describe('the limit of an address', () => {
  it('ends a minute after its first request, and says when', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const app = await server();
    expect(await answered(4, () => settings(app))).toBe(4);
    const refused = await settings(app);
    expect(refused.statusCode).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'CHARLA_RATE_LIMITED', status: 429 });
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThanOrEqual(60);
    vi.setSystemTime(Date.now() + seconds * 1_000);
    expect((await settings(app)).statusCode).toBe(200);
  });

  it('is each address’s own, and counts what does not exist and what is refused too', async () => {
    const app = await server();
    expect(await answered(9, () => settings(app, '203.0.113.1', {}, '/nothing'))).toBe(4);
    expect(await answered(9, () => settings(app, '203.0.113.2', {}, '/sessions'))).toBe(4);
    expect((await settings(app, '203.0.113.3')).statusCode).toBe(200);
  });

  it('holds for a whole network of IPv6, of which one person has 2⁶⁴ addresses', async () => {
    const app = await server();
    let last = 0;
    expect(await answered(9, () => settings(app, `2001:db8:1:2::${(last++).toString(16)}`))).toBe(4);
  });

  it('believes X-Forwarded-For of TRUST_PROXY alone', async () => {
    let last = 0;
    const forwarded = () => ({ 'x-forwarded-for': `198.51.100.${last++}` });
    const direct = await server();
    expect(await answered(9, () => settings(direct, '203.0.113.1', forwarded()))).toBe(4);
    const proxied = await server({ TRUST_PROXY: '203.0.113.0/24' });
    expect(await answered(9, () => settings(proxied, '203.0.113.1', forwarded()))).toBe(9);
    expect(await answered(9, () => settings(proxied, '192.0.2.1', forwarded()))).toBe(4);
  });

  it('is not got round by keys that are none', async () => {
    const app = await server();
    let last = 0;
    const guess = () => ({ 'x-api-key': `guess-${last++}` });
    expect(await answered(9, () => settings(app, '203.0.113.1', guess()))).toBe(4);
  });
});

it('who has a key may send twenty times as many, from wherever; each key counts by itself', async () => {
  const app = await server();
  let last = 0;
  const ask = (key: string) => () => settings(app, `203.0.113.${last++ % 200}`, { 'x-api-key': key });
  expect(await answered(90, ask(shop.key))).toBe(80);
  expect((await ask(other.key)()).statusCode).toBe(200);
});

it('what signs tokens has a tighter limit of its own', async () => {
  const app = await server();
  const start = (url: string, key: string) => () =>
    app.inject({ method: 'POST', url, headers: { 'x-api-key': key }, payload: { user_id: 'ana' } });
  const nobody = () =>
    app.inject({ method: 'POST', url: '/session/start', payload: {}, remoteAddress: '203.0.113.9' });
  expect(await answered(4, nobody)).toBe(2);
  expect(await answered(45, start('/session/start', shop.key))).toBe(40);
  expect((await start('/token', shop.key)()).statusCode).toBe(429);
  expect((await settings(app, '203.0.113.1', { 'x-api-key': shop.key })).statusCode).toBe(200);
});

it('agents, /health and development without keys have none', async () => {
  const agent = new AccessToken(pair.LIVEKIT_API_KEY, pair.LIVEKIT_API_SECRET, { ttl: 60 });
  agent.addGrant({ agent: true });
  const headers = { authorization: `Bearer ${await agent.toJwt()}` };
  const app = await server();
  expect(await answered(9, () => settings(app, '203.0.113.1', headers))).toBe(9);
  expect(await answered(9, () => settings(app, '203.0.113.1', {}, '/health'))).toBe(9);
  const development = await server({ NODE_ENV: 'development' });
  expect(await answered(9, () => settings(development, '127.0.0.1'))).toBe(9);
  const unlimited = await server({ RATE_LIMIT_PER_MINUTE: '0' });
  expect(await answered(9, () => settings(unlimited))).toBe(9);
});

it('with a Redis, processes count together; while it is away each by itself, and says so once', async () => {
  const port = await freePort();
  const redis = await startRedis(port);
  const { lines, log } = logLines();
  const env = { REDIS_URL: `redis://127.0.0.1:${port}` };
  const [one, two] = [await server(env, log), await server(env)];
  await vi.waitFor(async () => expect(await clients(port)).toBeGreaterThanOrEqual(2), { timeout: 5_000 });
  expect(await answered(3, () => settings(one))).toBe(3);
  expect(await answered(3, () => settings(two))).toBe(1);
  expect(await answered(3, () => settings(one))).toBe(0);

  await redis.stop();
  await vi.waitFor(() => expect(lines.join('')).toContain('Redis is away'), { timeout: 5_000 });
  expect(await answered(9, () => settings(one))).toBe(4);
  expect(await answered(9, () => settings(two))).toBe(4);
  expect(lines.filter((line) => line.includes('Redis is away'))).toHaveLength(1);

  await startRedis(port);
  await vi.waitFor(async () => expect(await clients(port)).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
  await vi.waitFor(() => expect(lines.join('')).toContain('Redis is back'), { timeout: 10_000 });
  expect(await answered(9, () => settings(one))).toBe(4);
  expect((await settings(two)).statusCode).toBe(429);
});
