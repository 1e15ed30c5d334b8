import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Health } from '../../src/http/health.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import {
  freePort,
  startLivekitServer,
  type TestLivekitServer,
  testConfig,
} from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

const log = createLogger('test', 'fatal');
const servers: Server[] = [];
let livekit: TestLivekitServer;

beforeAll(async () => {
  livekit = await startLivekitServer();
});
afterAll(async () => {
  for (const server of servers) server.close();
  await livekit?.stop();
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Answers as the model endpoint, our inference and the worker do when all is well; the key is «right». */
const well: RequestListener = (request, response) => {
  const keyed = request.url?.startsWith('/v1/') === true;
  const allowed =
    !keyed ||
    request.headers.authorization === 'Bearer right' ||
    request.headers.authorization === 'Bearer none';
  response.writeHead(allowed ? 200 : 401).end('{"data":[]}');
};

async function health(env: Record<string, string>, headers: Record<string, string> = {}) {
  const app = await buildTestServer({ config: testConfig(livekit, env), log });
  const response = await app.inject({ url: '/health', headers });
  await app.close();
  return { httpStatus: response.statusCode, ...response.json<Health>() };
}

describe('GET /health', () => {
  it('is 200 when every component works', async () => {
    const port = await serve(well);
    const answer = await health({
      LLM_PROVIDER: 'local',
      INFERENCE_PORT: String(port),
      WORKER_PORT: String(port),
    });
    expect([answer.httpStatus, answer.status]).toEqual([200, 'ok']);
    expect(Object.values(answer.components).map(({ state }) => state)).toEqual(Array(7).fill('ok'));
  });

  it('is 503 and names each component that does not answer and what to do', async () => {
    const nobody = String(await freePort());
    const { components, status, httpStatus } = await health({
      NODE_ENV: 'development',
      LLM_PROVIDER: 'local',
      INFERENCE_PORT: nobody,
      WORKER_PORT: nobody,
    });
    expect([httpStatus, status]).toEqual([503, 'degraded']);
    expect(components.livekit.state).toBe('ok');
    expect(components.worker).toMatchObject({
      state: 'down',
      detail: expect.stringContaining('charla worker'),
    });
    expect(components.inference.detail).toContain('charla inference');
    expect(components.stt.state).toBe('down');
  });

  it('is 200 outside development when the worker may be on another machine, and 503 when one here is not registered', async () => {
    const port = String(await serve(well));
    const env = { LLM_PROVIDER: 'local', INFERENCE_PORT: port };
    const elsewhere = await health({ ...env, WORKER_PORT: String(await freePort()) });
    expect([elsewhere.httpStatus, elsewhere.status]).toEqual([200, 'ok']);
    expect(elsewhere.components.worker).toMatchObject({
      state: 'unknown',
      detail: expect.stringContaining('other machines'),
    });
    const unregistered = await serve((_request, response) => response.writeHead(503).end('worker is away'));
    const ill = await health({ ...env, WORKER_PORT: String(unregistered) });
    expect([ill.httpStatus, ill.components.worker.state]).toEqual([503, 'down']);
  });

  it('tells a wrong key from a dead endpoint, and does not ask for what is not used', async () => {
    const port = await serve(well);
    const url = `http://127.0.0.1:${port}/v1`;
    const { components } = await health({
      WORKER_PORT: String(port),
      LLM_BASE_URL: url,
      LLM_API_KEY: 'wrong',
      STT_BASE_URL: url,
      STT_API_KEY: 'right',
      TTS_BASE_URL: url,
      TTS_API_KEY: 'right',
    });
    expect(components.llm).toMatchObject({
      state: 'refused',
      detail: expect.stringContaining('refuses its key'),
    });
    expect([components.stt.state, components.tts.state, components.inference.state]).toEqual([
      'ok',
      'ok',
      'unused',
    ]);
  });

  it('says that LiveKit refuses our key', async () => {
    const { components } = await health({ LIVEKIT_API_SECRET: 'another-secret-of-thirty-two-letters' });
    expect(components.livekit).toMatchObject({
      state: 'refused',
      detail: expect.stringContaining('LIVEKIT_API_SECRET'),
    });
  });

  it('gives up on what hangs', async () => {
    const port = String(await serve(() => undefined));
    const { components } = await health({ LLM_PROVIDER: 'local', INFERENCE_PORT: port, WORKER_PORT: port });
    expect([components.worker.state, components.llm.state]).toEqual(['down', 'down']);
  });

  it('keeps addresses of the house from those without a key in production', async () => {
    const env = {
      NODE_ENV: 'production',
      ADMIN_API_KEY: 'key-of-the-tests-0123456789',
      LLM_PROVIDER: 'local',
    };
    const nobody = String(await freePort());
    const shown = await health({ ...env, INFERENCE_PORT: nobody });
    expect(JSON.stringify(shown)).not.toContain('127.0.0.1');
    const server = await health({ ...env, INFERENCE_PORT: nobody }, { 'x-api-key': env.ADMIN_API_KEY });
    expect(JSON.stringify(server)).toContain(`127.0.0.1:${nobody}`);
  });
});
