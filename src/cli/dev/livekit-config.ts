import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Config } from '../../config/config.ts';

const fileSchema = z.looseObject({
  rtc: z.looseObject({}).default({}),
  logging: z.looseObject({}).default({}),
});

/**
 * The repository's `livekit.yaml` with the port and the key pair of the configuration in place of its own. Media goes
 * through the UDP port two above (7880 → 7882).
 *
 * @param options.redisPort - of the Redis on this machine that livekit-sip has too; without one there are no trunks
 * @returns YAML, as livekit-server reads it from the variable `LIVEKIT_CONFIG`; it holds the secret
 */
export async function livekitConfig(
  config: Config,
  file: URL,
  { redisPort }: { redisPort?: number | undefined } = {},
): Promise<string> {
  const base = fileSchema.parse(parse(await readFile(file, 'utf8')));
  const port = livekitPort(config);
  const debug = config.LOG_LEVEL === 'debug' || config.LOG_LEVEL === 'trace';
  return stringify({
    ...base,
    port,
    keys: { [config.LIVEKIT_API_KEY]: config.LIVEKIT_API_SECRET },
    rtc: { ...base.rtc, udp_port: livekitMediaPort(config) },
    logging: { ...base.logging, ...(debug && { level: 'info' }) },
    ...(redisPort !== undefined && { redis: { address: `127.0.0.1:${redisPort}` } }),
  });
}

export function livekitPort(config: Config): number {
  const { protocol, port } = new URL(config.LIVEKIT_URL);
  if (port !== '') return Number(port);
  return protocol === 'wss:' || protocol === 'https:' ? 443 : 80;
}

/** The UDP port of the media. */
export function livekitMediaPort(config: Config): number {
  return livekitPort(config) + 2;
}

/** The HTTP address of livekit-server: its health check and its API. No trailing slash. */
export function livekitHttpUrl(config: Config): string {
  return config.LIVEKIT_URL.replace(/^ws/, 'http').replace(/\/$/, '');
}
