import { readFile } from 'node:fs/promises';
import semver from 'semver';
import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { CharlaError } from '../../errors.ts';
import { createLiveKit } from '../../rooms/livekit.ts';
import { livekitMediaPort, livekitPort } from './livekit-config.ts';
import { assertPortsFree, type NeededPort } from './port-holder.ts';

const PACKAGE = new URL('../../../package.json', import.meta.url);
const packageSchema = z.object({ engines: z.object({ node: z.string() }) });
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** @throws CharlaError `CHARLA_NODE_TOO_OLD` when this Node.js is not one that package.json names */
export async function assertNodeVersion(version: string = process.version): Promise<void> {
  const { engines } = packageSchema.parse(JSON.parse(await readFile(PACKAGE, 'utf8')));
  if (!semver.satisfies(version, engines.node)) {
    throw new CharlaError('CHARLA_NODE_TOO_OLD', { version, needed: engines.node });
  }
}

/**
 * Checks that what `charla dev` is about to start can listen on its ports, and whether a livekit-server of ours runs.
 *
 * @param options.inference - whether local models will be started
 * @param options.sip - whether livekit-sip will be started, which needs a livekit-server of its own configuration
 * @returns whether `LIVEKIT_URL` answers and takes our key: then none is started
 * @throws CharlaError `CHARLA_PORT_TAKEN`; `CHARLA_LIVEKIT_UNAUTHORIZED` when the server there has other keys;
 *   `CHARLA_LIVEKIT_UNAVAILABLE` when it is on another machine and does not answer;
 *   `CHARLA_SIP_NEEDS_OWN_LIVEKIT`
 */
export async function checkPorts(
  config: Config,
  { inference, sip = false }: { inference: boolean; sip?: boolean },
): Promise<boolean> {
  const ports: NeededPort[] = [
    { port: config.PORT, host: config.HOST, service: 'the HTTP API', variable: 'PORT' },
    {
      port: config.WORKER_PORT,
      host: '127.0.0.1',
      service: "the worker's health check",
      variable: 'WORKER_PORT',
    },
  ];
  if (inference) {
    const { INFERENCE_PORT: port, INFERENCE_HOST: host } = config;
    ports.push({ port, host, service: 'the local models', variable: 'INFERENCE_PORT' });
  }
  if (sip) {
    const telephony = { port: config.SIP_PORT, host: '127.0.0.1', variable: 'SIP_PORT' };
    ports.push({ ...telephony, service: 'livekit-sip' });
    ports.push({ ...telephony, service: 'livekit-sip (UDP)', protocol: 'udp' });
  }
  await assertPortsFree(ports);

  try {
    await createLiveKit(config).request(({ rooms }) => rooms.listRooms(), { idempotent: true });
    if (sip) throw new CharlaError('CHARLA_SIP_NEEDS_OWN_LIVEKIT', { url: config.LIVEKIT_URL });
    return true;
  } catch (error) {
    const absent = error instanceof CharlaError && error.code === 'CHARLA_LIVEKIT_UNAVAILABLE';
    if (!absent || !LOOPBACK.has(new URL(config.LIVEKIT_URL).hostname)) throw error;
  }
  const livekit = { host: '127.0.0.1', variable: 'LIVEKIT_URL' };
  await assertPortsFree([
    { ...livekit, port: livekitPort(config), service: 'livekit-server' },
    {
      ...livekit,
      port: livekitMediaPort(config),
      protocol: 'udp',
      service: "livekit-server's media (UDP, two above the port of LIVEKIT_URL)",
    },
  ]);
  return false;
}
