import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { LRUCache } from 'lru-cache';
import { Gauge, type Registry } from 'prom-client';
import { createKeyFinder, opens } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/development.ts';
import { localUrl } from '../config/local-url.ts';
import { sameSecret } from '../config/same-secret.ts';
import { HEARTBEAT_MS, jobReportSchema, WORKER_METRICS_VARIABLE } from './job-report.ts';
import type { Logger } from './log.ts';
import { createRegistry, registerCallMetrics } from './metrics-registry.ts';

/** A job process not heard of for this long has ended or hangs. */
const SILENT_MS = 3 * HEARTBEAT_MS;
/** Job processes whose last batch is remembered. */
const MOST_PROCESSES = 1_000;

interface Answer {
  status: number;
  type?: string;
  body?: string;
}

interface JobProcess {
  residentBytes: number;
  /** When it last reported, ms of `performance.now()`. */
  heardAt: number;
}

export interface WorkerMetrics {
  /** `GET /metrics` for Prometheus, `POST /job-reports` for the job processes; does not listen yet. */
  server: Server;
  /** What job processes need to reach a server that listens at this URL: the value of {@link WORKER_METRICS_VARIABLE}. */
  addressFor: (url: string) => string;
}

/**
 * The metrics of a worker, its own and those of the calls in its job processes. These push: what a process observed
 * stays when it ends, and one that hangs keeps nobody waiting.
 *
 * @param activeCalls - asked with each scrape
 */
export function createWorkerMetrics(config: Config, log: Logger, activeCalls: () => number): WorkerMetrics {
  const findKey = createKeyFinder(config);
  const registry = createRegistry();
  const take = registerCallMetrics(registry);
  const token = randomBytes(32).toString('base64url');
  const processes = new LRUCache<string, JobProcess>({ max: MOST_PROCESSES });
  const batches = new LRUCache<string, number>({ max: MOST_PROCESSES });
  registerGauges(registry, activeCalls, processes);

  const answers: Record<string, (request: IncomingMessage) => Promise<Answer>> = {
    'GET /metrics': async ({ headers }) => {
      if (!isLoopback(config.WORKER_METRICS_HOST)) {
        const key = findKey(headers['x-api-key']);
        if (key === undefined || !opens(key, ['metrics'])) {
          return { status: 401, body: 'ADMIN_API_KEY is needed, or a key for metrics, as X-API-Key\n' };
        }
      }
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    },
    'POST /job-reports': async (request) => {
      if (!sameSecret(request.headers.authorization ?? '', `Bearer ${token}`)) return { status: 401 };
      const report = jobReportSchema.parse(await json(request));
      if (report.last) processes.delete(report.process);
      else processes.set(report.process, { residentBytes: report.residentBytes, heardAt: performance.now() });
      if (report.batch > (batches.get(report.process) ?? 0)) {
        batches.set(report.process, report.batch);
        for (const observation of report.observations) take(observation);
      }
      return { status: 204 };
    },
  };
  // Two routes, in a process of which every machine has one for its calls: Fastify would take 16 MB for them.
  const server = createServer((request, response) => {
    const { method, url = '' } = request;
    const route = `${method} ${url.split('?', 1)[0]}`;
    const answer = answers[route]?.(request) ?? Promise.resolve<Answer>({ status: 404 });
    answer.then(
      ({ status, type = 'text/plain', body }) =>
        response.writeHead(status, { 'content-type': type }).end(body),
      (error: unknown) => {
        log.error({ err: error, route }, 'a request of the metrics failed');
        response.writeHead(400).end();
      },
    );
  });
  return {
    server,
    addressFor: (url) => JSON.stringify({ url: `${url}/job-reports`, token }),
  };
}

/**
 * Listens on WORKER_METRICS_HOST and WORKER_METRICS_PORT, and gives the job processes that are started from now on the
 * way there. A taken port costs the metrics, not the calls.
 */
export async function serveWorkerMetrics(
  { server, addressFor }: WorkerMetrics,
  config: Config,
  log: Logger,
): Promise<void> {
  const { WORKER_METRICS_HOST: host, WORKER_METRICS_PORT: port } = config;
  try {
    server.listen(port, host);
    await once(server, 'listening');
    process.env[WORKER_METRICS_VARIABLE] = addressFor(localUrl(host, port));
  } catch (error) {
    log.error({ err: error, port }, 'no metrics: WORKER_METRICS_PORT cannot be listened on');
  }
}

function registerGauges(
  registry: Registry,
  activeCalls: () => number,
  processes: LRUCache<string, JobProcess>,
): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  const living = () =>
    [...processes.values()].filter(({ heardAt }) => performance.now() - heardAt < SILENT_MS);
  gauge('active_calls', 'Calls of this worker that run now.', activeCalls);
  gauge(
    'job_processes',
    'Job processes that live, those that wait for a call included.',
    () => living().length,
  );
  gauge('job_process_resident_memory_bytes', 'Resident memory of all job processes together.', () =>
    living().reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  );
}
