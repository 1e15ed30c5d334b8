import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { execa } from 'execa';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import {
  freePort,
  startLivekitServer,
  type TestLivekitServer,
  testConfig,
} from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

const documentation = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
const examples = [...documentation.matchAll(/```bash\n([\s\S]*?)```\n```json\n([\s\S]*?)```/gu)].map(
  ([, command = '', answer = '']) => ({ command, answer: JSON.parse(answer) as unknown }),
);

let livekit: TestLivekitServer;
let app: FastifyInstance;
let base: string;
/** Stands for the worker and the local models, which this page is not about: everything is well. */
const others = createServer((_request, response) => response.end('{"data":[]}'));

beforeAll(async () => {
  livekit = await startLivekitServer();
  const port = await freePort();
  await new Promise<void>((resolve) => others.listen(port, '127.0.0.1', resolve));
  const env = { LLM_PROVIDER: 'local', WORKER_PORT: String(port), INFERENCE_PORT: String(port) };
  app = await buildTestServer({ config: testConfig(livekit, env), log: createLogger('test', 'fatal') });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app?.close();
  others.close();
  await livekit?.stop();
});

it('every command of docs/api.md works and answers what stands below it', async () => {
  expect(examples.length).toBeGreaterThanOrEqual(8);
  let sessionId = '';
  for (const { command, answer } of examples) {
    const script = command
      .replaceAll('http://localhost:8000', base)
      .replaceAll('curl ', 'curl --silent --show-error --fail-with-body ');
    const { stdout } = await execa('bash', ['-euc', script], { env: { SESSION_ID: sessionId } });
    const given: unknown = JSON.parse(stdout);
    expect(stable(given), command).toEqual(stable(answer));
    if (command.includes('/session/start')) sessionId = String((given as { session_id: string }).session_id);
  }
});

it('the error shown there is the one of the catalogue', () => {
  const shown = /"title": "Data tools are not valid"/;
  expect(documentation).toMatch(shown);
  expect(ERRORS.CHARLA_DATA_TOOLS_INVALID.title).toBe('Data tools are not valid');
});

const TIMES_AND_IDS = new Set([
  ...['session_id', 'token', 'url', 'latencyMs', 'expires_at', 'updated_at'],
  ...['created_at', 'last_active_at', 'started_at', 'ended_at', 'replaced_at'],
]);

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Without what differs from one run to the next: ids, tokens, times, and this test's port. */
function stable(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
    TIMES_AND_IDS.has(key)
      ? typeof value
      : key === 'room' && value !== 'charla'
        ? 'room'
        : key === 'id' && UUID.test(String(value))
          ? 'id'
          : value,
  );
}
