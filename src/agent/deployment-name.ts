import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';

/** Tells apart the deployments that share one CHARLA_HOME: none is to deliver what another one left. */
export function deploymentName({ LIVEKIT_URL, AGENT_NAME }: Config): string {
  return createHash('sha256').update(`${LIVEKIT_URL}\n${AGENT_NAME}`).digest('hex').slice(0, 16);
}
