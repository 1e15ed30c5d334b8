import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

let livekit: TestLivekitServer;

beforeAll(async () => {
  livekit = await startLivekitServer();
});
afterAll(async () => {
  await livekit?.stop();
});

it('answers 503 with Retry-After while livekit-server is away, changes nothing, and works again when it is back', async () => {
  const app = await buildTestServer({ config: testConfig(livekit), log: createLogger('test', 'fatal') });
  const start = () => app.inject({ method: 'POST', url: '/session/start', payload: { user_id: 'ana' } });
  const before = await start();
  expect(before.statusCode).toBe(201);
  const url = `/session/${before.json().session_id}/data-tools`;

  await livekit.stop();
  const refused = [
    await start(),
    await app.inject({ method: 'POST', url: '/token', payload: { identity: 'ana' } }),
    await app.inject({ method: 'PUT', url, payload: { a: 1 } }),
  ];
  for (const response of refused) {
    expect([response.statusCode, response.json().code]).toEqual([503, 'CHARLA_LIVEKIT_UNAVAILABLE']);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect(response.json().detail).toContain('nothing listens there');
  }
  const kept = await app.inject(url);
  // The change was made and taken back.
  expect([kept.json(), kept.headers.etag]).toEqual([{}, '"3"']);

  await livekit.start();
  expect((await start()).statusCode).toBe(201);
  const put = await app.inject({ method: 'PUT', url, payload: { a: 1 }, headers: { 'if-match': '"3"' } });
  expect([put.statusCode, put.json()]).toEqual([200, { a: 1 }]);
  await app.close();
});

it('says so when livekit-server refuses the key', async () => {
  const config = testConfig(livekit, { LIVEKIT_API_SECRET: 'another-secret-of-thirty-two-letters' });
  const app = await buildTestServer({ config, log: createLogger('test', 'fatal') });
  const response = await app.inject({ method: 'POST', url: '/session/start', payload: { user_id: 'ana' } });
  expect([response.statusCode, response.json().code]).toEqual([503, 'CHARLA_LIVEKIT_UNAUTHORIZED']);
  await app.close();
});
