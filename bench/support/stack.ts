import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { getLivekitServer } from '../../src/cli/dev/livekit-server.ts';
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
} from './engines.ts';

const SETTLED_TIMEOUT_MS = 180_000;

export interface BenchStackOptions {
  engines: EngineOptions;
  words: FixedWords;
  contestants: readonly Contestant[];
}

/** One livekit-server, one set of engines, and the workers under measurement, on loopback ports of their own. */
export interface BenchStack {
  /** As the workers have it. */
  config: Config;
  livekit: LiveKit;
  /** Base URL of the local models, with `/v1`; undefined when none run. */
  inferenceUrl: string | undefined;
  /** Process of a contestant's worker, or of `inference` and `livekit`. */
  pid(name: string): number | undefined;
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
  const supervisor = new ProcessSupervisor({
    onLine: watch.line,
    onEvent: (name, event) => {
      watch.line(name, JSON.stringify(event));
      if (event.type === 'died')
        process.stderr.write(`${name} stopped unexpectedly: ${event.how}. Its output: ${watch.path}\n`);
    },
    readyTimeoutMs: ENGINES_READY_TIMEOUT_MS,
  });
  let cleanUp: (() => Promise<unknown>) | undefined;
  const close = async () => {
    process.off('SIGINT', interrupted);
    await supervisor.stop();
    await cleanUp?.();
    await rm(scratch, { recursive: true, force: true });
    watch.end();
  };
  const interrupted = () => void close().then(() => process.exit(130));
  process.once('SIGINT', interrupted);

  try {
    const livekit = await getLivekitServer({
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
    await Promise.all(
      contestants.map(async ({ name, agentName, script, env, settledLine }) => {
        const workerPort = await getPort();
        const settled = settledLine === undefined ? undefined : watch.until(name, settledLine);
        await supervisor.start({
          name,
          command: process.execPath,
          args: ['--import', 'tsx', ...script],
          env: { ...variables, AGENT_NAME: agentName, WORKER_PORT: String(workerPort), ...env },
          readyUrl: `http://127.0.0.1:${workerPort}/`,
        });
        await settled;
      }),
    );
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
    pid: (name) => supervisor.pid(name),
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
