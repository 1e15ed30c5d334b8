import { createServer, type Server } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { SignJWT } from 'jose';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

const AUTH_SECRET = 'a-secret-for-tokens-of-users-0123456789';
const { apiUrl } = inject('stack');

let browser: Browser;
let livekit: TestLivekitServer;
let closed: FastifyInstance;
let closedUrl: string;
let evil: Server;
let evilUrl: string;

beforeAll(async () => {
  livekit = await startLivekitServer();
  const config = testConfig(livekit, {
    NODE_ENV: 'production',
    ADMIN_API_KEY: 'an-api-key-of-the-tests',
    AUTH_SECRET,
    LLM_PROVIDER: 'local',
  });
  closed = await buildTestServer({ config });
  closedUrl = await closed.listen({ host: '127.0.0.1', port: 0 });
  evil = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>evil</title>'),
  );
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  const address = evil.address();
  evilUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  browser = await launchChromium(
    // A name that its owner lets point to this machine.
    '--host-resolver-rules=MAP rebound.example 127.0.0.1',
  );
});
afterAll(async () => {
  await browser?.close();
  evil?.close();
  await closed?.close();
  await livekit?.stop();
});

async function open(url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}

it('a page without a token says what is needed, and calls nobody', async () => {
  const { page } = await open(`${closedUrl}/?lang=es`);
  await page.getByRole('alert').filter({ hasText: '#token=' }).waitFor();
  await page.close();
});

it('a page with a token of the integrator calls for that user, and shows the token nowhere', async () => {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ana')
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(AUTH_SECRET));
  const { page, errors } = await open(`${closedUrl}/?lang=es#token=${token}`);
  await page.getByTestId('hangup').waitFor();
  await page.getByTestId('agent-state').filter({ hasText: 'Esperando al asistente' }).waitFor();
  expect(page.url()).toBe(`${closedUrl}/?lang=es`);
  expect(await page.content()).not.toContain(token);
  expect(
    await page.evaluate<string>('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])'),
  ).not.toContain(token);
  expect(errors).toEqual([]);
  await page.close();
});

it('another page in the browser can neither use the open API of development nor rebind its name to it', async () => {
  const { page } = await open(evilUrl);
  for (const init of [
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"user_id":"eve"}' },
    { method: 'POST', mode: 'no-cors', body: '{"user_id":"eve"}' },
    { method: 'GET' },
  ]) {
    const path = init.method === 'GET' ? '/sessions' : '/session/start';
    const read = await page.evaluate<string>(
      `fetch(${JSON.stringify(apiUrl + path)}, ${JSON.stringify(init)}).then(
        async (response) => (await response.text()) || response.type, () => 'refused')`,
    );
    expect(['refused', 'opaque']).toContain(read);
  }
  const rebound = await page.goto(apiUrl.replace(/127\.0\.0\.1|localhost/, 'rebound.example'));
  expect(rebound?.status()).toBe(403);
  expect(await rebound?.text()).toContain('CHARLA_HOST_REFUSED');
  await page.close();
});
