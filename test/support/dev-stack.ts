import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import getPort from 'get-port';

const READY_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 30_000;

/** A running `charla dev` on ports of its own. */
export interface DevStack {
  /** Base URL of the HTTP API. */
  apiUrl: string;
  /** Base URL of the local models, with `/v1`. */
  inferenceUrl: string;
  livekitUrl: string;
  /** Where the worker has its metrics. */
  metricsUrl: string;
  pid: number;
  /** Everything that it printed. */
  output(): string;
  /** SIGTERM, and waits until it is gone. @returns its exit code */
  stop(): Promise<number | undefined>;
}

export interface StartSessionAnswer {
  session_id: string;
  room: string;
  identity: string;
  url: string;
  token: string;
}

/** Environment of a stack whose models are engines with fixed answers, for an agent of its own on a livekit-server. */
export function fixedModels(
  { baseUrl }: { baseUrl: string },
  livekitUrl: string,
  agentName: string,
): Record<string, string> {
  return {
    LIVEKIT_URL: livekitUrl,
    AGENT_NAME: agentName,
    STT_BASE_URL: baseUrl,
    LLM_BASE_URL: baseUrl,
    TTS_BASE_URL: baseUrl,
  };
}

/**
 * Starts `charla dev` as a user would and waits until all of it is ready.
 *
 * @param env - variables over those of this process; ports that are not given are free ones
 * @param args - further words of the command line
 */
export async function startDevStack(
  env: Record<string, string> = {},
  args: readonly string[] = [],
): Promise<DevStack> {
  const [api, worker, inference, livekit, metrics] = await freePorts();
  const variables = {
    PORT: String(api),
    WORKER_PORT: String(worker),
    WORKER_METRICS_PORT: String(metrics),
    INFERENCE_PORT: String(inference),
    LIVEKIT_URL: `ws://127.0.0.1:${livekit}`,
    NODE_ENV: 'development',
    // Several stacks share the models of one CHARLA_HOME, where there is one store, for one of them.
    DATABASE_URL: 'memory://',
    // With CI=true there would be colours between the words.
    NO_COLOR: '1',
    ...env,
  };
  const child = execa('node', ['--import', 'tsx', 'src/cli/main.ts', 'dev', ...args], {
    env: variables,
    all: true,
    reject: false,
    stdin: 'ignore',
    buffer: false,
    // Ending calls may take longer than the 5 s after which execa would kill it, and orphan livekit-server.
    forceKillAfterDelay: false,
  });
  let output = '';
  child.all.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  let exit: number | undefined;
  let gone = false;
  const ended = child.then((result) => {
    gone = true;
    exit = result.exitCode;
  });
  const apiUrl = `http://127.0.0.1:${variables.PORT}`;
  const stack: DevStack = {
    apiUrl,
    inferenceUrl: `http://127.0.0.1:${variables.INFERENCE_PORT}/v1`,
    livekitUrl: variables.LIVEKIT_URL,
    metricsUrl: `http://127.0.0.1:${variables.WORKER_METRICS_PORT}/metrics`,
    pid: child.pid ?? 0,
    output: () => output,
    stop: async () => {
      child.kill('SIGTERM');
      const inTime = await Promise.race([
        ended.then(() => true),
        sleep(STOP_TIMEOUT_MS, false, { ref: false }),
      ]);
      if (!inTime) throw new Error(`charla dev did not end within ${STOP_TIMEOUT_MS} ms:\n${output}`);
      return exit;
    },
  };
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await healthy(apiUrl))) {
    if (gone) throw new Error(`charla dev ended with ${exit} before it was ready:\n${output}`);
    if (Date.now() > deadline) {
      await stack.stop();
      throw new Error(`charla dev was not ready within ${READY_TIMEOUT_MS} ms:\n${output}`);
    }
    await sleep(200);
  }
  return stack;
}

/** `POST /session/start`. @param apiKey - where the API is not open */
export async function startSession(
  apiUrl: string,
  body: { user_id: string; data_tools?: object; language?: string },
  apiKey?: string,
): Promise<StartSessionAnswer> {
  const response = await fetch(`${apiUrl}/session/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey !== undefined && { 'x-api-key': apiKey }) },
    body: JSON.stringify(body),
  });
  if (response.status !== 201)
    throw new Error(`POST /session/start: ${response.status} ${await response.text()}`);
  return (await response.json()) as StartSessionAnswer;
}

async function healthy(apiUrl: string): Promise<boolean> {
  return fetch(`${apiUrl}/health`).then(
    (response) => response.ok,
    () => false,
  );
}

/** livekit-server also takes the port two above its own, for UDP. */
async function freePorts(): Promise<number[]> {
  const ports: number[] = [];
  for (let count = 0; count < 5; count += 1) ports.push(await getPort({ exclude: ports }));
  return ports;
}
