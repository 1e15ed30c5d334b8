import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { type HttpReceiver, type Received, startHttpReceiver } from '../support/http-receiver.ts';
import { freePort, startLivekitServer, type TestLivekitServer } from '../support/livekit-server.ts';
import { createTestDatabase } from '../support/store.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const WEBHOOKS = 200;
const updateSchema = z.object({ data: z.object({ revision: z.number() }) });

let livekit: TestLivekitServer;
let receiver: HttpReceiver;
let home: string;
let database: Awaited<ReturnType<typeof createTestDatabase>> | undefined;
const processes = new Set<ReturnType<typeof startServe>>();

beforeAll(async () => {
  livekit = await startLivekitServer();
  receiver = await startHttpReceiver();
  home = await mkdtemp(join(tmpdir(), 'charla-killed-'));
  const postgres = process.env.TEST_DATABASE_URL;
  database = postgres ? await createTestDatabase(postgres) : undefined;
});
afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await Promise.all(processes);
  await receiver?.stop();
  await livekit?.stop();
  await database?.drop();
  await rm(home, { recursive: true, force: true });
});

function startServe(port: number) {
  return execa('node', ['--import', 'tsx', MAIN, 'serve'], {
    env: {
      NODE_ENV: 'test',
      CHARLA_HOME: home,
      DATABASE_URL: database?.url ?? '',
      PORT: String(port),
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      RATE_LIMIT_PER_MINUTE: '0',
      WEBHOOK_URLS: receiver.url,
    },
    reject: false,
  });
}

/** A real `charla serve` that answers. */
async function serveOn(port: number) {
  const child = startServe(port);
  processes.add(child);
  const answers = async () => expect((await fetch(`http://127.0.0.1:${port}/settings`)).ok).toBe(true);
  await vi.waitFor(answers, { timeout: 60_000, interval: 100 });
  // Not the child itself, which is a promise of its end.
  return {
    kill: () => {
      child.kill('SIGKILL');
      return child;
    },
  };
}

it('`charla serve`, killed in the middle of 200 deliveries, loses none of them', async () => {
  const [port, next] = [await freePort(), await freePort()];
  const first = await serveOn(port);
  const base = `http://127.0.0.1:${port}`;
  const json = { 'content-type': 'application/json' };
  const post = { method: 'POST', headers: json, body: '{"user_id":"ana"}' };
  const started = await fetch(`${base}/session/start`, post);
  const { session_id: id } = z.object({ session_id: z.string() }).parse(await started.json());

  // The receiver holds what comes until all of it has happened.
  const taken = new Map<string, number>();
  const take = ({ headers, body }: Received, response: ServerResponse) => {
    response.writeHead(204).end();
    taken.set(String(headers['webhook-id']), updateSchema.parse(body).data.revision);
  };
  const held: [Received, ServerResponse][] = [];
  receiver.answer = (...request) => held.push(request);
  for (let change = 0; change < WEBHOOKS; change += 1) {
    const patch = { method: 'PATCH', headers: json, body: JSON.stringify({ change }) };
    const response = await fetch(`${base}/session/${id}/data-tools`, patch);
    expect(response.status).toBe(200);
  }
  expect(taken.size).toBe(0);

  receiver.answer = (request, response) => setTimeout(() => take(request, response), 10);
  for (const request of held.splice(0)) take(...request);
  await vi.waitFor(() => expect(taken.size).toBeGreaterThan(WEBHOOKS / 3), { timeout: 30_000, interval: 5 });
  // From here on it answers nobody: what is under way is cut off.
  receiver.answer = () => undefined;
  await first.kill();
  const before = taken.size;
  expect(before).toBeLessThan(WEBHOOKS);

  // The next one meets a receiver that fails at first, and then is slow.
  let failures = 5;
  receiver.answer = (request, response) => {
    failures -= 1;
    if (failures >= 0) response.writeHead(500).end();
    else setTimeout(() => take(request, response), 30);
  };
  await serveOn(next);
  await vi.waitFor(() => expect(taken.size).toBe(WEBHOOKS), { timeout: 90_000, interval: 100 });
  const revisions = [...taken.values()].sort((a, b) => a - b);
  expect(revisions).toEqual(Array.from({ length: WEBHOOKS }, (_, index) => index + 2));
  const metrics = async () => (await fetch(`http://127.0.0.1:${next}/metrics`)).text();
  await vi.waitFor(async () => expect(await metrics()).toContain('webhooks_waiting 0'), 30_000);
}, 240_000);
