import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { getLivekitBinary, LIVEKIT_SERVER } from '../../src/cli/dev/get-livekit-binary.ts';
import { ProcessSupervisor } from '../../src/cli/dev/process-supervisor.ts';
import { createServices } from '../../src/cli/dev/services.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import type { Contestant } from './contestants.ts';
import {
  assertModels,
  ENGINES_READY_TIMEOUT_MS,
  type EngineOptions,
  engineService,
  engineVariables,
  type FixedWords,
  keysThatTell,
} from './engines.ts';
import { FixedEnginesClient } from './fixed-engines-client.ts';

const SETTLED_TIMEOUT_MS = 180_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface BenchStackOptions {
  engines: EngineOptions;
  words: FixedWords;
  /** Those that run from the start; others by {@link BenchStack.startWorker}. */
  contestants: readonly Contestant[];
}

/** One livekit-server, one set of engines, and the workers under measurement, on loopback ports of their own. */
export interface BenchStack {
  /** As the workers have it. */
  config: Config;
  livekit: LiveKit;
  /** Base URL of the local models, with `/v1`; undefined when none run. */
  inferenceUrl: string | undefined;
  /** Where the engines of the run listen. */
  enginesPort: number;
  /** The engines with fixed delays; undefined when others run. */
  fixedEngines: FixedEnginesClient | undefined;
  /** Process of a contestant's worker, or of `inference` and `livekit`. */
  pid(name: string): number | undefined;
  /** Where a contestant's worker has its metrics, if it has any. */
  metricsUrl(name: string): string | undefined;
  /** Starts a worker and resolves when it is registered and at its usual speed. */
  startWorker(contestant: Contestant): Promise<void>;
  /** Ends a worker with all of its processes. */
  stopWorker(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts all of it and resolves when every worker is registered and at its usual speed. Close it in `finally`. */
export async function startBenchStack(options: BenchStackOptions): Promise<BenchStack> {
  const { engines, contestants } = options;
  const home = loadConfig();
  await assertModels(engines, home);
  const scratch = await mkdtemp(join(tmpdir(), 'charla-bench-'));
  const [livekitPort, enginesPort] = [await getPort(), await getPort()];
  const variables = {
    ...engineVariables(engines, enginesPort),
    // As deployed: no pretty logs, keys of its own.
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    ADMIN_API_KEY: randomBytes(16).toString('hex'),
    LIVEKIT_URL: `ws://127.0.0.1:${livekitPort}`,
    LIVEKIT_PUBLIC_URL: '',
    LIVEKIT_API_KEY: 'bench',
    LIVEKIT_API_SECRET: randomBytes(24).toString('hex'),
    // The speech cache is this run's: nobody starts with what an earlier run has synthesised.
    CHARLA_HOME: scratch,
  };
  const config = loadConfig(variables);

  const watch = outputWatch();
  const newSupervisor = () =>
    new ProcessSupervisor({
      onLine: watch.line,
      onEvent: (name, event) => {
        watch.line(name, JSON.stringify(event));
        if (event.type === 'died')
          process.stderr.write(`${name} stopped unexpectedly: ${event.how}. Its output: ${watch.path}\n`);
      },
      readyTimeoutMs: ENGINES_READY_TIMEOUT_MS,
    });
  const supervisor = newSupervisor();
  /** Workers come and go one by one, a supervisor each. */
  const workers = new Map<string, { supervisor: ProcessSupervisor; metricsPort: number }>();
  const startWorker = async ({ name, agentName, script, env, settledLine }: Contestant) => {
    const url = `http://127.0.0.1:${await getPort()}/`;
    const worker = { supervisor: newSupervisor(), metricsPort: await getPort() };
    workers.set(name, worker);
    const settled = settledLine === undefined ? undefined : watch.until(name, settledLine);
    await worker.supervisor.start({
      name,
      command: process.execPath,
      args: ['--import', 'tsx', ...script],
      env: {
        ...variables,
        ...keysThatTell(engines, name),
        AGENT_NAME: agentName,
        WORKER_PORT: new URL(url).port,
        WORKER_METRICS_PORT: String(worker.metricsPort),
        ...env,
      },
      readyUrl: url,
    });
    await settled;
  };
  const stopWorker = async (name: string) => {
    await workers.get(name)?.supervisor.stop();
    workers.delete(name);
  };
  let cleanUp: (() => Promise<unknown>) | undefined;
  const close = async () => {
    for (const signal of SIGNALS) process.off(signal, interrupted);
    await Promise.all([...workers.keys()].map(stopWorker));
    await supervisor.stop();
    await cleanUp?.();
    await rm(scratch, { recursive: true, force: true });
    watch.end();
  };
  const interrupted = () => void close().then(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, interrupted);

  try {
    const livekit = await getLivekitBinary(LIVEKIT_SERVER, {
      home: home.CHARLA_HOME,
      onStep: (step) => process.stderr.write(`livekit-server: ${step}\n`),
    });
    cleanUp = livekit.cleanUp;
    const livekitService = (await createServices({ config, livekit, inference: false })).find(
      ({ name }) => name === 'livekit',
    );
    if (livekitService === undefined) throw new Error('createServices gave no livekit-server');
    await Promise.all([
      supervisor.start(livekitService),
      supervisor.start(engineService(engines, home, enginesPort, options.words)),
    ]);
    await Promise.all(contestants.map(startWorker));
  } catch (error) {
    await close();
    throw new Error(`The processes of the benchmark did not start; what they wrote is in ${watch.path}`, {
      cause: error,
    });
  }
  return {
    config,
    livekit: createLiveKit(config),
    inferenceUrl: engines.engines === 'local' ? `http://127.0.0.1:${enginesPort}/v1` : undefined,
    enginesPort,
    fixedEngines: engines.engines === 'fixed' ? new FixedEnginesClient(enginesPort) : undefined,
    pid: (name) => workers.get(name)?.supervisor.pid(name) ?? supervisor.pid(name),
    metricsUrl: (name) => {
      const port = workers.get(name)?.metricsPort;
      return port === undefined ? undefined : `http://127.0.0.1:${port}/metrics`;
    },
    startWorker,
    stopWorker,
    close,
  };
}

/** Keeps what the processes write in a file, and waits for lines in it. */
function outputWatch() {
  const path = join(tmpdir(), `charla-bench-${process.pid}-${Date.now()}.log`);
  const file = createWriteStream(path);
  const waiting: Array<{ service: string; text: string; seen: () => void }> = [];
  return {
    path,
    line(service: string, line: string): void {
      file.write(`${service} | ${line}\n`);
      for (const one of waiting) if (one.service === service && line.includes(one.text)) one.seen();
    },
    /** Resolves when a service wrote a line with this text; after a while without it says so and resolves too. */
    async until(service: string, text: string): Promise<void> {
      const seen = new Promise<true>((resolve) => waiting.push({ service, text, seen: () => resolve(true) }));
      if (await Promise.race([seen, sleep(SETTLED_TIMEOUT_MS, false, { ref: false })])) return;
      process.stderr.write(
        `${service} did not say «${text}»; figures may contain work of its start. ${path}\n`,
      );
    },
    end: () => file.end(),
  };
}
