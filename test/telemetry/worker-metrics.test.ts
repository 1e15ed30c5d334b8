import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApiKey } from '../../src/config/api-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import { reportToWorker } from '../../src/telemetry/job-metrics.ts';
import { HEARTBEAT_MS, type JobReport, WORKER_METRICS_VARIABLE } from '../../src/telemetry/job-report.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import {
  createWorkerMetrics,
  serveWorkerMetrics,
  type WorkerMetrics,
} from '../../src/telemetry/worker-metrics.ts';

const log = createLogger('test', 'silent');
let metrics: WorkerMetrics;
let address: string;
let calls = 0;

async function listen({ server, addressFor }: WorkerMetrics, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return addressFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
async function close({ server }: WorkerMetrics): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
const reportsUrl = (of = address) => (JSON.parse(of) as { url: string }).url;
const scrape = async (headers: Record<string, string> = {}, of = address) =>
  (await fetch(new URL('/metrics', reportsUrl(of)), { headers })).text();
/** The value of a line of the exposition; undefined when there is none. */
async function value(line: string): Promise<number | undefined> {
  const found = (await scrape()).split('\n').find((one) => one.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}
const post = (report: unknown, token = (JSON.parse(address) as { token: string }).token) =>
  fetch(reportsUrl(), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(report),
  });
const reportOf = (more: Partial<JobReport> = {}): JobReport => ({
  process: randomUUID(),
  batch: 1,
  observations: [{ name: 'interruptions_total', value: 1, labels: { kind: 'true' } }],
  residentBytes: 1_000,
  last: false,
  ...more,
});

beforeEach(async () => {
  metrics = createWorkerMetrics(loadConfig({}), log, () => calls);
  address = await listen(metrics);
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await close(metrics);
});

describe('a job process', () => {
  it('leaves what it observed with the worker, also when it ends at once', async () => {
    const job = reportToWorker(address);
    job.record('stt_latency_seconds', 0.3, { language: 'es' });
    job.record('stt_latency_seconds', 0.7, { language: 'es' });
    job.record('calls_total', 1, { language: 'es', channel: 'browser' });
    await job.close();
    expect(await value('stt_latency_seconds_count{language="es"}')).toBe(2);
    expect(await value('stt_latency_seconds_bucket{le="0.5",language="es"}')).toBe(1);
    expect(await value('stt_latency_seconds_sum{language="es"}')).toBeCloseTo(1);
    expect(await value('calls_total{language="es",channel="browser"}')).toBe(1);
    expect(await value('job_process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('sends by itself while its call goes on', async () => {
    const job = reportToWorker(address);
    job.record('interruptions_total', 1, { kind: 'false' });
    await expect.poll(() => value('interruptions_total{kind="false"}')).toBe(1);
    expect(await value('job_processes')).toBe(1);
    expect(await value('job_process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    await job.close();
    expect(await value('job_processes')).toBe(0);
    expect(await value('interruptions_total{kind="false"}')).toBe(1);
  });

  it('sends again what the worker did not say that it took, and is counted once', async () => {
    let breaks = 2;
    // The first request never arrives, the answer to the second never comes back.
    const front = createServer(async (request, response) => {
      breaks -= 1;
      if (breaks === 1) return request.socket.destroy();
      const { status } = await fetch(reportsUrl(), {
        method: 'POST',
        headers: { authorization: request.headers.authorization ?? '' },
        body: await text(request),
      });
      if (breaks === 0) return request.socket.destroy();
      return response.writeHead(status).end();
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const job = reportToWorker(
      metrics.addressFor(`http://127.0.0.1:${(front.address() as AddressInfo).port}`),
    );
    job.record('interruptions_total', 1, { kind: 'true' });
    await expect.poll(() => breaks).toBeLessThanOrEqual(0);
    job.record('interruptions_total', 1, { kind: 'false' });
    await job.close();
    expect(await value('interruptions_total{kind="true"}')).toBe(1);
    expect(await value('interruptions_total{kind="false"}')).toBe(1);
    expect(await value('job_processes')).toBe(0);
    front.closeAllConnections();
    front.close();
  });

  it('does without a worker that has no metrics', async () => {
    vi.stubEnv(WORKER_METRICS_VARIABLE, undefined);
    const job = reportToWorker();
    job.record('interruptions_total', 1, { kind: 'true' });
    await expect(job.close()).resolves.toBeUndefined();
  });
});

describe('the metrics of a worker', () => {
  it('count a batch once, however often it comes', async () => {
    const report = reportOf();
    await post(report);
    await post(report);
    expect(await value('interruptions_total{kind="true"}')).toBe(1);
    await post({ ...report, batch: 2 });
    await post(reportOf());
    expect(await value('interruptions_total{kind="true"}')).toBe(3);
  });

  it('count the job processes that live, and their memory: not those that ended or went silent', async () => {
    const [ending, silent, living] = [reportOf(), reportOf(), reportOf({ residentBytes: 500 })];
    vi.useFakeTimers({ toFake: ['performance'] });
    await post(ending);
    await post(silent);
    expect(await value('job_process_resident_memory_bytes')).toBe(2_000);
    await post({ ...ending, batch: 2, last: true });
    vi.advanceTimersByTime(4 * HEARTBEAT_MS);
    await post(living);
    expect(await value('job_processes')).toBe(1);
    expect(await value('job_process_resident_memory_bytes')).toBe(500);
  });

  it('tell how many calls run now, and what Prometheus expects of any process', async () => {
    calls = 3;
    expect(await value('active_calls')).toBe(3);
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(await value('process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('have counters at zero before anything happened', async () => {
    expect(await value('interruptions_total{kind="backchannel"}')).toBe(0);
    expect(await value('speech_cache_lookups_total{result="miss"}')).toBe(0);
  });

  it('take nothing from who has not the token of this run', async () => {
    expect((await post(reportOf(), 'guessed')).status).toBe(401);
    expect(await value('interruptions_total{kind="true"}')).toBe(0);
  });

  it.each([
    ['a metric that there is not', [{ name: 'made_up', value: 1, labels: {} }]],
    ['a label of its own', [{ name: 'interruptions_total', value: 1, labels: { kind: 'true', room: 'r' } }]],
    ['a value of its own', [{ name: 'interruptions_total', value: 1, labels: { kind: 'somebody said' } }]],
    ['a counter that shrinks', [{ name: 'interruptions_total', value: -1, labels: { kind: 'true' } }]],
  ])('refuse %s, so that a series is never one of many thousands', async (_what, observations) => {
    const { status } = await post({ ...reportOf(), observations });
    expect(status).toBe(400);
    expect(await scrape()).not.toMatch(/made_up|room=|somebody/);
  });

  it('ask for the key where other machines can reach them', async () => {
    const ADMIN_API_KEY = 'an-api-key-of-the-tests';
    const prometheus = createApiKey('prometheus', ['metrics']);
    const shop = createApiKey('shop', ['sessions', 'history']);
    const API_KEYS = `${prometheus.entry},${shop.entry}`;
    const config = loadConfig({ WORKER_METRICS_HOST: '0.0.0.0', ADMIN_API_KEY, API_KEYS });
    const open = createWorkerMetrics(config, log, () => 0);
    const at = await listen(open);
    expect(await scrape({}, at)).toMatch(/^ADMIN_API_KEY is needed/);
    expect(await scrape({ 'x-api-key': shop.key }, at)).toMatch(/^ADMIN_API_KEY is needed/);
    expect(await scrape({ 'x-api-key': ADMIN_API_KEY }, at)).toContain('active_calls');
    expect(await scrape({ 'x-api-key': prometheus.key }, at)).toContain('active_calls');
    await close(open);
  });

  it('are given up where their port is taken: calls need none', async () => {
    vi.stubEnv(WORKER_METRICS_VARIABLE, undefined);
    const taken = new URL(reportsUrl()).port;
    const config = loadConfig({ WORKER_METRICS_PORT: taken });
    const second = createWorkerMetrics(config, log, () => 0);
    await serveWorkerMetrics(second, config, log);
    expect(process.env[WORKER_METRICS_VARIABLE]).toBeUndefined();
  });
});
