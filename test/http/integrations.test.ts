import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { execa } from 'execa';
import type { FastifyInstance } from 'fastify';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { answering, type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const page = await readFile(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let livekit: TestLivekitServer;
let store: Store;
let hook: HttpReceiver;
let receiver: HttpReceiver;
let app: FastifyInstance;
let base: string;

beforeAll(async () => {
  [livekit, store] = await Promise.all([startLivekitServer(), openTestStore()]);
});
afterAll(async () => {
  await livekit?.stop();
  await store?.close();
});
beforeEach(async () => {
  hook = await startHttpReceiver();
  receiver = await startHttpReceiver();
  await serveWith({
    DATA_TOOLS_URL: hook.url,
    DATA_TOOLS_TIMEOUT_MS: '300',
    WEBHOOK_URLS: receiver.url,
    WEBHOOK_SECRET: SECRET,
  });
});
afterEach(async () => {
  await app?.close();
  await hook.stop();
  await receiver.stop();
});

async function serveWith(env: Record<string, string>): Promise<void> {
  await app?.close();
  app = await buildTestServer({ config: testConfig(livekit, env), store });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
}

/** An example of the page, by what stands behind ```json. */
function example(name: string): unknown {
  return JSON.parse(new RegExp(`^\`\`\`json ${name}\n([\\s\\S]*?)^\`\`\``, 'm').exec(page)?.[1] ?? 'null');
}

async function call(method: string, path: string, body?: unknown) {
  const json =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${base}${path}`, { method, ...json });
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    body: (await response.json()) as never,
  };
}

async function start(body: Record<string, unknown> = {}): Promise<string> {
  const { status, body: answer } = await call('POST', '/session/start', { user_id: 'ana', ...body });
  expect(status).toBe(201);
  return (answer as { session_id: string }).session_id;
}

const dataToolsOf = async (id: string): Promise<unknown> =>
  (await call('GET', `/session/${id}/data-tools`)).body;
const known = (dataTools: unknown) => answering(200, { data_tools: dataTools });
const told = (type: string) =>
  receiver.received
    .map(({ body }) => body as { type: string; data: unknown })
    .filter((sent) => sent.type === type);

describe('the hook, at the start of a session', () => {
  it('tells what is known of the user, as docs/webhooks.md shows', async () => {
    hook.answer = answering(200, example('hook-answer'));
    const id = await start();
    expect(hook.received.map(({ body }) => body)).toEqual([example('hook-request')]);
    const { data_tools: dataTools } = example('hook-answer') as { data_tools: unknown };
    expect(await dataToolsOf(id)).toEqual(dataTools);
  });

  it('has what the request has merged over its answer', async () => {
    hook.answer = known({ user_context: { name: 'Ana', role: 'Soporte' }, cart_data: { items: 1 } });
    const id = await start({ data_tools: { user_context: { role: 'Ventas' }, cart_data: null } });
    expect(await dataToolsOf(id)).toEqual({ user_context: { name: 'Ana', role: 'Ventas' } });
  });

  it('has what the person’s own client sends merged under its answer', async () => {
    await serveWith({ DATA_TOOLS_URL: hook.url, AUTH_SECRET: 'a-secret-of-the-integrator-for-its-users' });
    hook.answer = known({ user_context: { name: 'Ana', role: 'Soporte' } });
    const token = await new SignJWT({ sub: 'ana' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode('a-secret-of-the-integrator-for-its-users'));
    const response = await app.inject({
      method: 'POST',
      url: '/session/start',
      headers: { authorization: `Bearer ${token}` },
      payload: {
        user_id: 'ana',
        data_tools: { user_context: { role: 'admin' }, app_data: { page: '/cart' } },
      },
    });
    expect(response.statusCode).toBe(201);
    expect(await dataToolsOf(response.json().session_id)).toEqual({
      user_context: { name: 'Ana', role: 'Soporte' },
      app_data: { page: '/cart' },
    });
  });

  it('is asked for rooms that older clients name, too', async () => {
    hook.answer = known({ user_context: { name: 'Ana' } });
    const { body } = await call('POST', '/token', { identity: 'ana' });
    expect(await dataToolsOf((body as { session_id: string }).session_id)).toEqual({
      user_context: { name: 'Ana' },
    });
  });

  it.each([
    ['fails', answering(500)],
    ['hangs', () => undefined],
    ['does not know the user', answering(404)],
  ])('stops nothing when it %s', async (_what, answer) => {
    hook.answer = answer;
    expect(await dataToolsOf(await start())).toEqual({});
    expect(await dataToolsOf(await start({ data_tools: { a: 1 } }))).toEqual({ a: 1 });
  });

  it('that answers late reaches the running session, except where somebody changed it meanwhile', async () => {
    const held: ServerResponse[] = [];
    hook.answer = (_request, response) => held.push(response);
    const id = await start({ data_tools: { app_data: { version: '2.0.0' } } });
    await call('PATCH', `/session/${id}/data-tools`, { cart_data: { items: 9 } });
    const late = {
      user_context: { name: 'Ana' },
      cart_data: { items: 1 },
      app_data: { version: '1', issues: [] },
    };
    for (const response of held) response.end(JSON.stringify({ data_tools: late }));
    await vi.waitFor(
      async () =>
        expect(await dataToolsOf(id)).toEqual({
          user_context: { name: 'Ana' },
          cart_data: { items: 9 },
          app_data: { version: '2.0.0', issues: [] },
        }),
      10_000,
    );
    await vi.waitFor(
      () =>
        expect(told('session.updated').map(({ data }) => data)).toContainEqual(
          expect.objectContaining({ changed_by: 'hook' }),
        ),
      10_000,
    );
  });

  it('may be the example that comes with Charla', async () => {
    // Its own address is known only once it listens.
    const port = new URL(base).port;
    await app.close();
    const env = { DATA_TOOLS_URL: `http://127.0.0.1:${port}/get-user-data`, DATA_TOOLS_TIMEOUT_MS: '5000' };
    app = await buildTestServer({ config: testConfig(livekit, env), store });
    await app.listen({ host: '127.0.0.1', port: Number(port) });
    expect(await dataToolsOf(await start({ user_id: 'carlos' }))).toMatchObject({
      cart_data: { total: 1200 },
    });
    expect(await dataToolsOf(await start({ user_id: 'nobody' }))).toEqual({});
  });
});

describe('POST /session/{id}/data-tools/refresh', () => {
  it('is the command of docs/webhooks.md', async () => {
    hook.answer = known({ a: 1 });
    const id = await start();
    hook.answer = known({ a: 2 });
    const command = /^```bash\n(curl [\s\S]*?)^```/m.exec(page)?.[1] ?? '';
    const script = command
      .replace('http://localhost:8000', base)
      .replace('curl ', 'curl --silent --fail-with-body ');
    const { stdout } = await execa('bash', ['-euc', script], { env: { SESSION_ID: id } });
    expect(JSON.parse(stdout)).toEqual({ a: 2 });
  });

  it('puts what the hook knows now in place of what the session had', async () => {
    hook.answer = known({ user_context: { name: 'Ana', tickets: ['#1'] } });
    const id = await start({ data_tools: { app_data: { version: '2' } } });
    hook.answer = known({ user_context: { name: 'Ana' }, private: { crm: 7 } });
    const now = { user_context: { name: 'Ana' }, app_data: { version: '2' }, private: { crm: 7 } };
    const path = `/session/${id}/data-tools/refresh`;
    expect(await call('POST', path)).toMatchObject({ status: 200, etag: '"2"', body: now });
    // Nothing is news, and so nothing changes.
    expect(await call('POST', path)).toMatchObject({ status: 200, etag: '"2"', body: now });
    await vi.waitFor(() => expect(told('session.updated')).toHaveLength(1), 10_000);
    const { private: _hidden, ...shown } = now;
    expect(told('session.updated')[0]?.data).toMatchObject({
      changed_by: 'hook',
      revision: 2,
      data_tools: shown,
    });
    expect(receiver.received.map(({ text }) => text).join()).not.toContain('crm');
  });

  it('says why it could not, and the session keeps what it knew', async () => {
    hook.answer = known({ a: 1 });
    const id = await start();
    hook.answer = answering(503);
    const path = `/session/${id}/data-tools/refresh`;
    expect(await call('POST', path)).toMatchObject({
      status: 502,
      body: { code: 'CHARLA_DATA_TOOLS_HOOK_FAILED' },
    });
    expect(await dataToolsOf(id)).toEqual({ a: 1 });
    expect(await call('POST', `/session/${randomUUID()}/data-tools/refresh`)).toMatchObject({ status: 404 });
    await call('POST', `/sessions/${id}/end`);
    expect(await call('POST', path)).toMatchObject({ status: 409, body: { code: 'CHARLA_SESSION_ENDED' } });
    await serveWith({});
    const without = await call('POST', `/session/${await start()}/data-tools/refresh`);
    expect(without).toMatchObject({ status: 409, body: { code: 'CHARLA_DATA_TOOLS_HOOK_MISSING' } });
  });
});

describe('webhooks', () => {
  it('tell of changed data tools, as docs/webhooks.md shows', async () => {
    hook.answer = answering(404);
    const id = await start();
    const shown = example('session.updated') as { data: { data_tools: object } };
    await call('PUT', `/session/${id}/data-tools`, { ...shown.data.data_tools, private: { secret: 1 } });
    await vi.waitFor(() => expect(told('session.updated')).toHaveLength(1), 10_000);
    expect(stable(told('session.updated')[0])).toEqual(stable(shown));
    expect(told('session.updated')[0]?.data).toMatchObject({ session_id: id });
    expect(receiver.received[0]?.headers['webhook-signature']).toMatch(/^v1,/);
  });

  it('tell of a call that begins and ends, as docs/webhooks.md shows', async () => {
    hook.answer = answering(404);
    const id = await start();
    const shown = example('call.ended') as { data: { outcome: string; turns: object[]; usage: object[] } };
    const { outcome, turns, usage } = shown.data;
    const at = '2026-01-01T12:00:00.000Z';
    const said = turns.map((turn) => ({ ...turn, type: 'turn', number: 2, interrupted_at_ms: undefined }));
    const events = [
      { number: 1, at, type: 'call.started', session_id: id },
      ...said,
      { number: 3, at, type: 'call.ended', outcome, usage },
    ];
    expect(await call('POST', `/calls/${randomUUID()}/events`, { events })).toMatchObject({ status: 200 });
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), 10_000);
    expect(stable(told('call.started')[0])).toEqual(stable(example('call.started')));
    expect(stable(told('call.ended')[0])).toEqual(stable(shown));
    expect(told('call.ended')[0]?.data).toMatchObject({ session_id: id });
  });
});

/** Without what differs from one run to the next: ids and times. */
function stable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
    /^(id|session_id|timestamp|.*_?at)$/.test(key) && typeof inner === 'string' ? typeof inner : inner,
  );
}
