import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../src/config/config.ts';

/** A real livekit-server on loopback ports of its own. */
export interface TestLivekitServer {
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Ends it as a crash would; {@link TestLivekitServer.start} brings it back on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const API_KEY = 'testkey';
const API_SECRET = 'a-secret-of-the-tests-on-loopback-only';

/** Starts livekit-server and waits until it answers. Stop it in `afterAll`. */
export async function startLivekitServer(): Promise<TestLivekitServer> {
  const binary = await livekitBinary();
  const [port, udpPort] = [await freePort(), await freePort()];
  let child: ChildProcess | undefined;
  const server: TestLivekitServer = {
    url: `ws://127.0.0.1:${port}`,
    port,
    apiKey: API_KEY,
    apiSecret: API_SECRET,
    async start() {
      child = spawn(binary, ['--config-body', configuration(port, udpPort)], { stdio: 'ignore' });
      const failed = once(child, 'exit').then(([code]) => {
        throw new Error(`livekit-server ended with ${code}`);
      });
      failed.catch(() => undefined);
      await Promise.race([answers(`http://127.0.0.1:${port}`), failed]);
    },
    async stop() {
      if (child === undefined || child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
  await server.start();
  return server;
}

/** A configuration for that server: everything else as in `.env.example`. */
export function testConfig(livekit: TestLivekitServer, env: Record<string, string> = {}): Config {
  return loadConfig({
    NODE_ENV: 'test',
    LIVEKIT_URL: livekit.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    ...env,
  });
}

/** A TCP port on loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function livekitBinary(): Promise<string> {
  const config = loadConfig();
  const candidates = [
    process.env.LIVEKIT_SERVER_BINARY,
    join(config.CHARLA_HOME, 'bin', 'livekit-server'),
    ...(process.env.PATH ?? '').split(':').map((folder) => join(folder, 'livekit-server')),
  ];
  for (const candidate of candidates) {
    const found =
      candidate !== undefined &&
      (await access(candidate).then(
        () => true,
        () => false,
      ));
    if (found) return candidate;
  }
  throw new Error(
    'There is no livekit-server for the tests. Run «npm test», which gets one, or set LIVEKIT_SERVER_BINARY.',
  );
}

function configuration(port: number, udpPort: number): string {
  return JSON.stringify({
    port,
    bind_addresses: ['127.0.0.1'],
    rtc: {
      udp_port: udpPort,
      tcp_port: 0,
      use_external_ip: false,
      node_ip: '127.0.0.1',
      enable_loopback_candidate: true,
      interfaces: { includes: ['lo'] },
      stun_servers: ['127.0.0.1:3478'],
    },
    keys: { [API_KEY]: API_SECRET },
    agents: { target_load: 1 },
    logging: { level: 'error' },
  });
}

async function answers(url: string): Promise<void> {
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
