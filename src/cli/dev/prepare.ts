import { Listr } from 'listr2';
import prettyBytes from 'pretty-bytes';
import type { Config } from '../../config/config.ts';
import { ModelStore } from '../../inference/model-store.ts';
import { prepareOllama } from '../../providers/llm/ollama.ts';
import { createLogger } from '../../telemetry/log.ts';
import { pullProgressText } from '../pull-progress.ts';
import { buildPage } from './build-page.ts';
import { getLivekitBinary, LIVEKIT_SERVER, type LivekitBinary } from './get-livekit-binary.ts';

export interface PrepareOptions {
  config: Config;
  /** Ids of the local models; twice is once. */
  models: readonly string[];
  /** Whether a livekit-server of ours answers already. */
  livekitRuns: boolean;
  /** The model that an Ollama shall have in memory, where one serves the calls. */
  ollamaModel?: string;
  signal: AbortSignal;
}

/** How often progress is written where it cannot be written over. */
const PLAIN_INTERVAL_MS = 5000;

/**
 * Gets what is not on this machine yet, all at once: livekit-server, the local models, the page.
 * Shows each as a task with its progress; plain lines where there is no terminal.
 *
 * @returns how to start livekit-server, or undefined when one runs already
 * @throws CharlaError of what could not be had; when that is more than one thing, an AggregateError of theirs
 */
export async function prepare(options: PrepareOptions): Promise<LivekitBinary | undefined> {
  const { config, models, livekitRuns, ollamaModel, signal } = options;
  const store = new ModelStore({ home: config.CHARLA_HOME });
  const errors: unknown[] = [];
  let livekit: LivekitBinary | undefined;

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
  return livekit;
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
