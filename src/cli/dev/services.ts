import { type Config, serveUrl } from '../../config/config.ts';
import { localUrl } from '../../config/local-url.ts';
import type { LivekitBinary } from './get-livekit-binary.ts';
import { livekitConfig, livekitHttpUrl } from './livekit-config.ts';
import type { Service } from './process-supervisor.ts';

const LIVEKIT_FILE = new URL('../../../livekit.yaml', import.meta.url);

export interface ServicesOptions {
  config: Config;
  /** Undefined when one runs already. */
  livekit: LivekitBinary | undefined;
  /** Ids of the local models to load; false when none is needed. */
  inference: readonly string[] | false;
  /** Variables for those that ask the models, over their environment. */
  env?: Record<string, string>;
}

/** What `charla dev` starts, in the order in which it is to be ended backwards: the worker, and its calls, first. */
export async function createServices(options: ServicesOptions): Promise<Service[]> {
  const { config, livekit, inference, env = {} } = options;
  const services: Service[] = [];
  if (livekit !== undefined) {
    services.push({
      name: 'livekit',
      command: livekit.command,
      args: livekit.args,
      env: { LIVEKIT_CONFIG: await livekitConfig(config, LIVEKIT_FILE) },
      readyUrl: livekitHttpUrl(config),
      // It waits for every participant to leave; the second SIGTERM makes it go.
      repeatSigtermAfterMs: 500,
    });
  }
  if (inference !== false) {
    const readyUrl = `${localUrl(config.INFERENCE_HOST, config.INFERENCE_PORT)}/health`;
    services.push({ name: 'inference', ...charla('inference', '--models', inference.join(',')), readyUrl });
  }
  services.push(
    { name: 'serve', ...charla('serve'), env, readyUrl: `${serveUrl(config)}/settings` },
    {
      name: 'worker',
      ...charla('worker', '--drain', '3'),
      env,
      readyUrl: `http://127.0.0.1:${config.WORKER_PORT}/`,
      stopTimeoutMs: 6000,
      // Starting together, they would only take the processor from each other: 2 cores, 7 s instead of 12 s.
      ...(inference !== false && { after: 'inference' }),
    },
  );
  return services;
}

/** Another command of this same program, in the same runtime: under tsx its loaders are in `execArgv`. */
function charla(...args: string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [...process.execArgv, process.argv[1] ?? '', ...args] };
}
