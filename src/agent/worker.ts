import { join } from 'node:path';
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';
import type { Config } from '../config/config.ts';
import { prepareOllama } from '../providers/llm/ollama.ts';
import { resolveProviders } from '../providers/resolve.ts';
import type { Logger } from '../telemetry/log.ts';
import { redactOutput } from '../telemetry/redact-output.ts';
import { createWorkerMetrics, serveWorkerMetrics } from '../telemetry/worker-metrics.ts';
import { within } from '../within.ts';
import { deliverJournalsAlways } from './journal/deliver-journals.ts';
import { prepareSpeech } from './prepare-speech.ts';
import { deliverRecordingsAlways } from './recording/deliver-recordings.ts';

/**
 * Job processes that wait, loaded, for the next caller (200 MB each). New ones are made one after another, 3 to 7 s each
 * on two busy cores, so that a rush of callers waits for them.
 */
const IDLE_PROCESSES = { development: 2, test: 2, production: 4 } as const;
/** livekit-server stops assigning jobs at a load of its own, 0.7 (`agents.target_load`): ours stays under it until full. */
const HIGHEST_OPEN_LOAD = 0.6;
const INITIALIZE_TIMEOUT_MS = 60_000;
/** The framework waits for processes that are still starting, and for its next look at a livekit-server that is away. */
const CLOSE_MS = 8_000;
/** For recordings of the last calls: where this machine goes with us, they would go too. */
const LAST_RECORDINGS_MS = 10_000;

/**
 * A LiveKit Agents worker: registers with livekit-server under `AGENT_NAME` and runs `job.ts` in one process a call.
 * Its load is the number of its calls, because next to local models the processor's load says nothing about them.
 */
export function createWorker(config: Config): AgentServer {
  initializeLogger({ pretty: false, level: config.LOG_LEVEL === 'info' ? 'error' : config.LOG_LEVEL });
  return new AgentServer(
    new ServerOptions({
      agent: jobFile(),
      agentName: config.AGENT_NAME,
      wsURL: config.LIVEKIT_URL,
      apiKey: config.LIVEKIT_API_KEY,
      apiSecret: config.LIVEKIT_API_SECRET,
      host: '127.0.0.1',
      port: config.WORKER_PORT,
      production: config.NODE_ENV === 'production',
      numIdleProcesses: IDLE_PROCESSES[config.NODE_ENV],
      initializeProcessTimeout: INITIALIZE_TIMEOUT_MS,
      loadThreshold: 0.99,
      loadFunc: async (worker) => jobLoad(worker.activeJobs.length, config.MAX_CALLS_PER_WORKER),
      jobMemoryLimitMB: config.JOB_MEMORY_LIMIT_MB,
      maxRetry: Number.MAX_SAFE_INTEGER,
    }),
  );
}

/**
 * Runs a worker until SIGTERM or SIGINT: then it takes no more calls, gives those that run `drainMs`, and ends.
 * A livekit-server that is away is waited for.
 */
export async function runWorker(config: Config, log: Logger, drainMs: number): Promise<void> {
  redactOutput();
  const worker = createWorker(config);
  const metrics = createWorkerMetrics(config, log, () => worker.activeJobs.length);
  await serveWorkerMetrics(metrics, config, log);
  worker.event.on('worker_registered', (id: string) =>
    log.info({ worker: id, agent: config.AGENT_NAME }, 'registered'),
  );
  const stopDelivering = deliverJournalsAlways(config, log);
  const deliverLastRecordings = deliverRecordingsAlways(config, log);
  const stop = async (signal: NodeJS.Signals) => {
    stopDelivering();
    const calls = worker.activeJobs.length;
    log.info({ signal, calls }, 'stopping: no more calls are taken');
    // Without calls there is nothing to wait for; `drain` would wait for processes that are still starting.
    if (calls > 0) {
      await worker
        .drain(drainMs)
        .catch(() => log.warn('calls were still running after the time that they had'));
    }
    await within(CLOSE_MS, worker.close());
    await deliverLastRecordings(LAST_RECORDINGS_MS);
    metrics.server.close();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  warmUp(config, log, () => worker.activeJobs.length).catch((error: unknown) => {
    log.warn({ err: error }, 'not everything was made ready ahead; the first calls may be slower');
  });
  await worker.run();
}

/** Load of a worker, 0 to 1, from the calls it has and may have. */
export function jobLoad(calls: number, limit: number): number {
  return calls >= limit ? 1 : (HIGHEST_OPEN_LOAD * calls) / limit;
}

async function warmUp(config: Config, log: Logger, calls: () => number): Promise<void> {
  const { llm, tts } = await resolveProviders(config);
  if (llm.kind === 'ollama') await prepareOllama({ host: config.OLLAMA_HOST, model: llm.model, log });
  await prepareSpeech(config, { endpoint: tts, log, calls });
}

/** The job's module: TypeScript under tsx in development, JavaScript once built. */
function jobFile(): string {
  const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
  return join(import.meta.dirname, `job.${extension}`);
}
