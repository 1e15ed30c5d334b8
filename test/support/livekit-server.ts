import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getLivekitBinary, LIVEKIT_SERVER } from '../../src/cli/dev/get-livekit-binary.ts';
import { livekitConfig } from '../../src/cli/dev/livekit-config.ts';
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

/**
 * Starts livekit-server with the repository's `livekit.yaml` and waits until it answers. Stop it in `afterAll`.
 *
 * @param options.redisPort - of a Redis that it shares with livekit-sip
 */
export async function startLivekitServer({
  redisPort,
}: {
  redisPort?: number;
} = {}): Promise<TestLivekitServer> {
  const { command, args } = await getLivekitBinary(LIVEKIT_SERVER, {
    home: loadConfig({ CHARLA_HOME: process.env.CHARLA_HOME }).CHARLA_HOME,
  });
  const port = await freePort();
  let child: ChildProcess | undefined;
  const server: TestLivekitServer = {
    url: `ws://127.0.0.1:${port}`,
    port,
    apiKey: API_KEY,
    apiSecret: API_SECRET,
    async start() {
      const file = new URL('../../livekit.yaml', import.meta.url);
      const yaml = await livekitConfig(testConfig(server), file, { redisPort });
      const started = spawn(command, args, {
        stdio: 'ignore',
        env: { ...process.env, LIVEKIT_CONFIG: yaml },
      });
      child = started;
      while (!(await answers(port))) {
        if (started.exitCode !== null) throw new Error(`livekit-server ended with ${started.exitCode}`);
        await sleep(50);
      }
    },
    async stop() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
  await server.start();
  return server;
}

/** A configuration for that server, with a store in memory: everything else as in `.env.example`. */
export function testConfig(livekit: TestLivekitServer, env: Record<string, string> = {}): Config {
  return loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: 'memory://',
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
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}`).then(
    (response) => response.ok,
    () => false,
  );
}
