import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { livekitConfig } from '../../src/cli/dev/livekit-config.ts';
import { loadConfig } from '../../src/config/config.ts';
import { DEVELOPMENT_LIVEKIT_KEY, DEVELOPMENT_LIVEKIT_SECRET } from '../../src/config/development.ts';

const LIVEKIT_FILE = new URL('../../livekit.yaml', import.meta.url);

describe('livekit.yaml', () => {
  it('has the port and the keys of the default configuration, and keeps to loopback', async () => {
    const file = parse(await readFile(LIVEKIT_FILE, 'utf8'));
    expect(file.port).toBe(7880);
    expect(file.keys).toEqual({ [DEVELOPMENT_LIVEKIT_KEY]: DEVELOPMENT_LIVEKIT_SECRET });
    expect(file.bind_addresses).toEqual(['127.0.0.1']);
    expect(file.rtc).toMatchObject({
      use_external_ip: false,
      node_ip: '127.0.0.1',
      stun_servers: ['127.0.0.1:3478'],
    });
  });

  it('gets the port and the keys of another configuration, and media two ports above', async () => {
    const LIVEKIT_API_SECRET = 'another-secret-of-32-characters-or-more';
    const config = loadConfig({
      LIVEKIT_URL: 'ws://127.0.0.1:17880',
      LIVEKIT_API_KEY: 'k',
      LIVEKIT_API_SECRET,
    });
    const file = parse(await livekitConfig(config, LIVEKIT_FILE));
    expect(file).toMatchObject({
      port: 17880,
      keys: { k: LIVEKIT_API_SECRET },
      rtc: { udp_port: 17882, tcp_port: 0 },
    });
    expect(Object.keys(file.keys)).toEqual(['k']);
  });
});
