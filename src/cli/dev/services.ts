import { type Config, serveUrl } from '../../config/config.ts';
import { localUrl } from '../../config/local-url.ts';
import { LIVEKIT_SERVER, LIVEKIT_SIP, type LivekitBinary } from './get-livekit-binary.ts';
import { livekitConfig, livekitHttpUrl } from './livekit-config.ts';
import type { Service } from './process-supervisor.ts';
import { sipConfig } from './sip-config.ts';
import type { SipPrograms } from './sip-programs.ts';

const LIVEKIT_FILE = new URL('../../../livekit.yaml', import.meta.url);

export interface ServicesOptions {
  config: Config;
  /** Undefined when one runs already. */
  livekit: LivekitBinary | undefined;
  /** Undefined where no telephone calls are wanted. */
  sip?: SipPrograms | undefined;
  /** Ids of the local models to load; false when none is needed. */
  inference: readonly string[] | false;
  /** Variables for those that ask the models, over their environment. */
  env?: Record<string, string>;
}

/** What `charla dev` starts, in the order in which it is to be ended backwards: the worker, and its calls, first. */
export async function createServices(options: ServicesOptions): Promise<Service[]> {
  const { config, livekit, sip, inference, env = {} } = options;
  const services: Service[] = [];
  if (sip !== undefined) {
    services.push({
      name: 'redis',
      command: sip.redis.command,
      args: sip.redis.args(sip.redisPort),
      readyUrl: `tcp://127.0.0.1:${sip.redisPort}`,
    });
  }
  if (livekit !== undefined) {
    services.push({
      name: 'livekit',
      command: livekit.command,
      args: livekit.args,
      env: {
        [LIVEKIT_SERVER.configVariable]: await livekitConfig(config, LIVEKIT_FILE, {
          redisPort: sip?.redisPort,
        }),
      },
      readyUrl: livekitHttpUrl(config),
      // It waits for every participant to leave; the second SIGTERM makes it go.
      repeatSigtermAfterMs: 500,
      ...(sip !== undefined && { after: 'redis' }),
    });
  }
  if (sip !== undefined) {
    services.push({
      name: 'sip',
      command: sip.livekitSip.command,
      args: sip.livekitSip.args,
      env: { [LIVEKIT_SIP.configVariable]: sipConfig(config, { redisPort: sip.redisPort }) },
      readyUrl: `tcp://127.0.0.1:${config.SIP_PORT}`,
      after: 'livekit',
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
