import { Command } from 'commander';
import { commaList } from '../config/comma-list.ts';
import { toPort } from './option-values.ts';

interface Options {
  host?: string;
  port?: number;
  models?: string[];
}

/** `charla inference`: local models behind the OpenAI HTTP API. */
export function inferenceCommand(): Command {
  return new Command('inference')
    .description('Serve local models by the OpenAI HTTP API on INFERENCE_HOST and INFERENCE_PORT.')
    .option('--host <address>', 'address to listen on, instead of INFERENCE_HOST')
    .option('--port <number>', 'port to listen on, instead of INFERENCE_PORT', toPort)
    .option('--models <ids>', 'models to load, with commas between them', commaList)
    .addHelpText(
      'after',
      '\nModels that are not there are fetched (`charla models list` names them). GET /health answers 503 until all are' +
        ' loaded.\nIt reads CHARLA_HOME, INFERENCE_HOST, INFERENCE_PORT and INFERENCE_THREADS.',
    )
    .action(async ({ host: givenHost, port: givenPort, models }: Options) => {
      const [{ loadConfig }, { createLogger }, { createInferenceServer }, { assertPortsFree }] =
        await Promise.all([
          import('../config/config.ts'),
          import('../telemetry/log.ts'),
          import('../inference/server.ts'),
          import('./dev/port-holder.ts'),
        ]);
      const config = loadConfig();
      const host = givenHost ?? config.INFERENCE_HOST;
      const port = givenPort ?? config.INFERENCE_PORT;
      await assertPortsFree([{ host, port, service: 'charla inference', variable: 'INFERENCE_PORT' }]);
      const log = createLogger('inference', config.LOG_LEVEL);
      const server = await createInferenceServer({
        home: config.CHARLA_HOME,
        threads: config.INFERENCE_THREADS,
        log,
        ...(models === undefined ? {} : { models }),
      });
      await server.listen({ host, port });
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => void server.close().then(() => process.exit(0)));
      }
    });
}
