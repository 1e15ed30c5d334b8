import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { serve } from '../../src/http/serve.ts';
import {
  freePort,
  startLivekitServer,
  type TestLivekitServer,
  testConfig,
} from '../support/livekit-server.ts';
import { logLines } from '../support/log-lines.ts';

let livekit: TestLivekitServer;

beforeAll(async () => {
  livekit = await startLivekitServer();
});
afterAll(async () => {
  await livekit?.stop();
});

it('says at start that everything is open, and which component refuses its key', async () => {
  const refusing = createServer((_request, response) => response.writeHead(401).end());
  refusing.listen(await freePort(), '127.0.0.1');
  await once(refusing, 'listening');
  const address = refusing.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1`;
  const env = { PORT: String(await freePort()), LLM_BASE_URL: url, LLM_API_KEY: 'wrong-key-of-the-tests' };
  const { lines, log } = logLines();
  const server = await serve(testConfig(livekit, env), log);
  await vi.waitFor(() => expect(lines.join('')).toContain('refuses its key'), { timeout: 5_000 });
  expect(lines.join('')).toContain('the HTTP API is open');
  expect(lines.join('')).not.toContain(env.LLM_API_KEY);
  await server.close();
  refusing.close();
});

it('logs one line a request, with nothing about the person in it', async () => {
  const { lines, log } = logLines();
  const server = await serve(testConfig(livekit, { PORT: String(await freePort()) }), log);
  lines.length = 0;
  const payload = { user_id: 'ana.torres', data_tools: { user_context: { name: 'Ana Torres' } } };
  const response = await server.inject({ method: 'POST', url: '/session/start', payload });
  await server.inject({ method: 'POST', url: '/session/start', payload: { ...payload, language: 'Torres' } });
  await vi.waitFor(() => expect(lines.filter((line) => line.includes('"msg":"request"'))).toHaveLength(2));
  await server.inject('/?user_id=ana.torres');
  await server.inject({ method: 'POST', url: '/get-user-data', payload: { user_id: 'ana.torres' } });
  await server.inject('/nothing?user_id=ana.torres');
  await vi.waitFor(() => expect(lines.filter((line) => line.includes('"msg":"request"'))).toHaveLength(5));
  expect(lines.join('')).toContain('CHARLA_USER_NOT_FOUND');
  expect(lines.join('')).toContain('"path":"/nothing"');
  expect(lines.join('')).not.toContain('orres');
  expect(lines.join('')).not.toContain(response.json().token);
  await server.close();
});

it('says which port is taken', async () => {
  const PORT = String(await freePort());
  const { log } = logLines();
  const first = await serve(testConfig(livekit, { PORT }), log);
  await expect(serve(testConfig(livekit, { PORT }), log)).rejects.toMatchObject({
    code: 'CHARLA_PORT_TAKEN',
    message: expect.stringContaining(PORT),
  });
  await first.close();
});

it('`charla serve` listens, and ends on SIGTERM', async () => {
  const port = await freePort();
  const child = execa(
    'node',
    ['--import', 'tsx', fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)), 'serve'],
    {
      env: {
        NODE_ENV: 'test',
        DATABASE_URL: 'memory://',
        PORT: String(port),
        LIVEKIT_URL: livekit.url,
        LIVEKIT_API_KEY: livekit.apiKey,
        LIVEKIT_API_SECRET: livekit.apiSecret,
      },
      reject: false,
    },
  );
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/settings`)).ok).toBe(true), {
    timeout: 20_000,
    interval: 100,
  });
  child.kill('SIGTERM');
  expect((await child).exitCode).toBe(0);
});
