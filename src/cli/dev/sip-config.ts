import { stringify } from 'yaml';
import type { Config } from '../../config/config.ts';

/** UDP ports of the telephone calls' media; one call takes one. */
export interface RtpPorts {
  start: number;
  end: number;
}

/** Enough for a hundred calls, and away from what systems hand out by themselves. */
export const DEVELOPMENT_RTP_PORTS: RtpPorts = { start: 20_000, end: 20_099 };

/**
 * What livekit-sip needs to know on this machine, all of it on loopback: a softphone here can call, nobody else can.
 *
 * @param options.redisPort - of the Redis that livekit-server has too
 * @returns YAML, as livekit-sip reads it from the variable `SIP_CONFIG_BODY`; it holds the secret
 */
export function sipConfig(
  config: Config,
  { redisPort, rtpPorts = DEVELOPMENT_RTP_PORTS }: { redisPort: number; rtpPorts?: RtpPorts },
): string {
  const debug = config.LOG_LEVEL === 'debug' || config.LOG_LEVEL === 'trace';
  return stringify({
    api_key: config.LIVEKIT_API_KEY,
    api_secret: config.LIVEKIT_API_SECRET,
    ws_url: config.LIVEKIT_URL,
    redis: { address: `127.0.0.1:${redisPort}` },
    sip_port: config.SIP_PORT,
    listen_ip: '127.0.0.1',
    nat_1_to_1_ip: '127.0.0.1',
    media_nat_1_to_1_ip: '127.0.0.1',
    use_external_ip: false,
    rtp_port: `${rtpPorts.start}-${rtpPorts.end}`,
    // With local models beside it the machine is busy in every call, and livekit-sip would refuse the next.
    max_cpu_utilization: 1,
    // Over the internet a port stays shut for a while after its call, for late packets; on loopback there are none.
    rtp_draining_idle_timeout: '-1s',
    rtp_draining_duration: '-1s',
    logging: { level: debug ? 'info' : 'error', json: true },
  });
}
