import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { buildTestServer } from '../support/test-server.ts';

const log = createLogger('test', 'silent');
const ADMIN_API_KEY = 'an-api-key-of-the-tests';
let app: FastifyInstance;
let guarded: FastifyInstance;

beforeAll(async () => {
  app = await buildTestServer({ config: loadConfig({}), log });
  const keys = { LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters' };
  guarded = await buildTestServer({
    config: loadConfig({ NODE_ENV: 'production', ADMIN_API_KEY, ...keys }),
    log,
  });
});
afterAll(async () => {
  await app.close();
  await guarded.close();
});

describe('GET /metrics of the HTTP API', () => {
  it('counts requests by route, so that neither an id nor a guessed path is a series of its own', async () => {
    await app.inject('/session/0b5c2b7c-secret/data-tools');
    await app.inject('/wp-admin.php');
    const { body, headers } = await app.inject('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain(
      'http_request_duration_seconds_count{method="GET",route="/session/:id/data-tools",status="404"} 1',
    );
    expect(body).toContain('http_request_duration_seconds_count{method="GET",route="none",status="404"} 1');
    expect(body).not.toMatch(/secret|wp-admin/);
  });

  it('tells of its own memory and processor time', async () => {
    const { body } = await app.inject('/metrics');
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(body).toMatch(/^process_cpu_seconds_total /m);
  });

  it('is for servers alone outside development', async () => {
    expect((await guarded.inject('/metrics')).json()).toMatchObject({ code: 'CHARLA_UNAUTHORIZED' });
    const headers = { 'x-api-key': ADMIN_API_KEY };
    expect((await guarded.inject({ url: '/metrics', headers })).body).toContain('process_cpu_seconds_total');
  });
});
