import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoomAgentDispatch, RoomConfiguration, SipClient } from 'livekit-server-sdk';
import { getLivekitBinary, LIVEKIT_SIP } from '../../src/cli/dev/get-livekit-binary.ts';
import { getRedis } from '../../src/cli/dev/get-redis.ts';
import { sipConfig } from '../../src/cli/dev/sip-config.ts';
import { loadConfig } from '../../src/config/config.ts';
import { freePort, startLivekitServer, type TestLivekitServer, testConfig } from './livekit-server.ts';

/** A real Redis, livekit-server and livekit-sip on loopback ports of their own. */
export interface SipStack {
  readonly livekit: TestLivekitServer;
  /** Where livekit-sip takes calls, UDP and TCP, on 127.0.0.1. */
  readonly sipPort: number;
  readonly sip: SipClient;
  /** What a telephone dials to reach a number of ours. */
  uri(number: string): string;
  /** Lets every call from this machine into a room `call-…` of its own, and the agent with it. */
  takeCalls(options: { agentName: string }): Promise<void>;
  /** A trunk through which calls go out to a telephone on this machine. @returns its id */
  dialOut(options: { port: number; number?: string }): Promise<string>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 20_000;
const RTP_PORTS = 200;

/** Starts all three and waits until they answer. Stop them in `afterAll`. */
export async function startSipStack(): Promise<SipStack> {
  const [redis, binary] = await Promise.all([
    getRedis(),
    getLivekitBinary(LIVEKIT_SIP, {
      home: loadConfig({ CHARLA_HOME: process.env.CHARLA_HOME }).CHARLA_HOME,
    }),
  ]);
  const redisPort = await freePort();
  const children = [spawn(redis.command, redis.args(redisPort), { stdio: 'ignore' })];
  const end = async () => {
    for (const child of children.toReversed()) await kill(child);
  };
  try {
    await listens(redisPort, children);
    const livekit = await startLivekitServer({ redisPort });
    const sipPort = await freePort();
    const config = testConfig(livekit, { SIP_PORT: String(sipPort), LOG_LEVEL: 'error' });
    const start = 20_000 + RTP_PORTS * Math.floor(Math.random() * 60);
    const yaml = sipConfig(config, { redisPort, rtpPorts: { start, end: start + RTP_PORTS - 1 } });
    children.push(
      spawn(binary.command, binary.args, {
        stdio: 'ignore',
        env: { ...process.env, [LIVEKIT_SIP.configVariable]: yaml },
      }),
    );
    await listens(sipPort, children);
    const sip = new SipClient(livekit.url.replace('ws', 'http'), livekit.apiKey, livekit.apiSecret);
    return {
      livekit,
      sipPort,
      sip,
      uri: (number) => `sip:${number}@127.0.0.1:${sipPort}`,
      async takeCalls({ agentName }) {
        const trunk = await sip.createSipInboundTrunk('test', [], { allowedAddresses: ['127.0.0.1'] });
        await sip.createSipDispatchRule(
          { type: 'individual', roomPrefix: 'call-' },
          {
            name: 'test',
            trunkIds: [trunk.sipTrunkId],
            roomConfig: new RoomConfiguration({
              departureTimeout: 1,
              agents: [new RoomAgentDispatch({ agentName })],
            }),
          },
        );
      },
      async dialOut({ port, number = '+34910000000' }) {
        const trunk = await sip.createSipOutboundTrunk('test', `127.0.0.1:${port}`, [number]);
        return trunk.sipTrunkId;
      },
      async stop() {
        await kill(children.pop());
        await livekit.stop();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function listens(port: number, children: readonly ChildProcess[]): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await accepts(port))) {
    const gone = children.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (gone !== undefined)
      throw new Error(`${gone.spawnfile} ended with ${gone.exitCode ?? gone.signalCode}`);
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port}`);
    await sleep(20);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
