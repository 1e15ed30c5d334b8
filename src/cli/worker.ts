import { Command } from 'commander';
import { toSeconds } from './option-values.ts';

/** `charla worker`: joins rooms and talks. */
export function workerCommand(): Command {
  return new Command('worker')
    .description(
      'Run a LiveKit Agents worker: it joins each room that asks for AGENT_NAME and talks with the caller.',
    )
    .addHelpText(
      'after',
      '\nIt reads LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET, AGENT_NAME, WORKER_PORT, WORKER_METRICS_PORT and the STT_,' +
        ' LLM_ and TTS_ variables\n(.env.example lists all). GET / on WORKER_PORT answers 200 while it is registered,' +
        ' GET /metrics on WORKER_METRICS_PORT\ncounts for Prometheus (docs/metrics.md).\n' +
        'On SIGTERM it takes no more calls and ends when the last one has, at the latest after --drain seconds.',
    )
    .option('--drain <seconds>', 'time that running calls get on SIGTERM', toSeconds, 10)
    .action(async ({ drain }: { drain: number }) => {
      const [{ loadConfig }, { createLogger }, { runWorker }] = await Promise.all([
        import('../config/config.ts'),
        import('../telemetry/log.ts'),
        import('../agent/worker.ts'),
      ]);
      const config = loadConfig();
      await runWorker(config, createLogger('worker', config.LOG_LEVEL), drain * 1_000);
    });
}
