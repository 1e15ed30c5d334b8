import { Listr } from 'listr2';
import prettyBytes from 'pretty-bytes';
import type { Config } from '../../config/config.ts';
import { ModelStore } from '../../inference/model-store.ts';
import { prepareOllama } from '../../providers/llm/ollama.ts';
import { createLogger } from '../../telemetry/log.ts';
import { pullProgressText } from '../pull-progress.ts';
import { buildPage } from './build-page.ts';
import { getLivekitBinary, LIVEKIT_SERVER, LIVEKIT_SIP, type LivekitBinary } from './get-livekit-binary.ts';
import { getRedis, type RedisBinary } from './get-redis.ts';
import { freeLoopbackPort, type SipPrograms } from './sip-programs.ts';

export interface PrepareOptions {
  config: Config;
  /** Ids of the local models; twice is once. */
  models: readonly string[];
  /** Whether a livekit-server of ours answers already. */
  livekitRuns: boolean;
  /** Whether telephone calls are wanted: livekit-sip and a Redis. */
  sip?: boolean;
  /** The model that an Ollama shall have in memory, where one serves the calls. */
  ollamaModel?: string;
  signal: AbortSignal;
}

export interface Prepared {
  /** How to start livekit-server; undefined when one runs already. */
  livekit: LivekitBinary | undefined;
  sip: SipPrograms | undefined;
}

/** How often progress is written where it cannot be written over. */
const PLAIN_INTERVAL_MS = 5000;

/**
 * Gets what is not on this machine yet, all at once: livekit-server, livekit-sip, the local models, the page.
 * Shows each as a task with its progress; plain lines where there is no terminal.
 *
 * @throws CharlaError of what could not be had; when that is more than one thing, an AggregateError of theirs
 */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { config, models, livekitRuns, sip = false, ollamaModel, signal } = options;
  const store = new ModelStore({ home: config.CHARLA_HOME });
  const errors: unknown[] = [];
  let livekit: LivekitBinary | undefined;
  let livekitSip: LivekitBinary | undefined;
  let redis: RedisBinary | undefined;

  const step = (title: string, run: (tell: (progress: string) => void) => Promise<string | undefined>) => ({
    title,
    task: async (_: unknown, task: { title: string; output: string }) => {
      try {
        const outcome = await run(limited((progress) => (task.output = progress)));
        if (outcome !== undefined) task.title = `${title}: ${outcome}`;
      } catch (error) {
        errors.push(error);
        throw error;
      }
    },
  });
  const tasks = [
    step('livekit-server', async (onStep) => {
      if (livekitRuns) return `answers at ${config.LIVEKIT_URL}`;
      livekit = await getLivekitBinary(LIVEKIT_SERVER, { home: config.CHARLA_HOME, onStep, signal });
      return `${livekit.version} (${livekit.source})`;
    }),
    ...(sip
      ? [
          step('livekit-sip', async (onStep) => {
            livekitSip = await getLivekitBinary(LIVEKIT_SIP, { home: config.CHARLA_HOME, onStep, signal });
            return `${livekitSip.version} (${livekitSip.source})`;
          }),
          step('Redis', async (onStep) => {
            redis = await getRedis({ onStep, signal });
            return `${redis.version} (${redis.source})`;
          }),
        ]
      : []),
    ...[...new Set(models)].map((model) =>
      step(`model ${model}`, async (tell) => {
        if ((await store.path(model)) === undefined) {
          const text = pullProgressText();
          await store.pull(model, { onProgress: (progress) => tell(text(progress)), signal });
        }
        return undefined;
      }),
    ),
    ...(ollamaModel !== undefined
      ? [
          step(`Ollama's ${ollamaModel}`, async (tell) => {
            await prepareOllama({
              host: config.OLLAMA_HOST,
              model: ollamaModel,
              onProgress: ({ status, completed, total }) =>
                tell(`${status} · ${prettyBytes(completed)} of ${prettyBytes(total)}`),
              log: createLogger('dev', 'warn'),
              signal,
            });
            return undefined;
          }),
        ]
      : []),
    step('page', async () => ((await buildPage()) ? 'built' : undefined)),
  ];
  await new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    collectErrors: false,
    ...(process.stdout.isTTY ? {} : { renderer: 'simple' as const }),
  }).run();

  signal.throwIfAborted();
  if (errors.length > 1) throw new AggregateError(errors, 'several things could not be had');
  if (errors.length > 0) throw errors[0];
  if (livekitSip === undefined || redis === undefined) return { livekit, sip: undefined };
  return { livekit, sip: { livekitSip, redis, redisPort: await freeLoopbackPort() } };
}

/** Lets the first message through, and on a terminal every one; elsewhere one in a while. */
function limited(tell: (progress: string) => void): (progress: string) => void {
  let last = 0;
  return (progress) => {
    if (!process.stdout.isTTY && Date.now() - last < PLAIN_INTERVAL_MS) return;
    last = Date.now();
    tell(progress);
  };
}
