import autocannon from 'autocannon';
import { Command } from 'commander';
import Fastify, { type FastifyInstance } from 'fastify';
import { AccessToken, RoomAgentDispatch, RoomServiceClient } from 'livekit-server-sdk';
import type { Config } from '../src/config/config.ts';
import { createLogger } from '../src/telemetry/log.ts';
import { startLivekitServer, testConfig } from '../test/support/livekit-server.ts';
import { buildTestServer } from '../test/support/test-server.ts';
import type { BenchResult } from './support/bench-result.ts';
import { count, parseOptions } from './support/options.ts';

const CONNECTIONS = 8;
const ROUNDS = 3;

export function command(): Command {
  return new Command('api')
    .description('Requests a second and p99 of POST /session/start and GET /settings, beside a floor.')
    .option(
      '--sessions <n>',
      'of one measurement; each opens a room, which stays for two minutes',
      count,
      1_500,
    );
}

const body = JSON.stringify({
  user_id: 'ana',
  data_tools: {
    user_context: { name: 'Ana', role: 'Soporte', tickets: ['#1234', '#5678'] },
    app_data: { version: '1.5.2', issues: ['login', 'payment'] },
  },
});
const startRequest = { method: 'POST', headers: { 'content-type': 'application/json' }, body } as const;

/**
 * `/session/start` and `/settings`: requests a second and p99 against a livekit-server on loopback, everything on this
 * machine. The floor is a bare Fastify route that opens the room and signs the token, with the SDK and nothing of ours.
 * Floor and ours take turns, each time with a fresh livekit-server; the best round of each counts.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { sessions: amount } = parseOptions<{ sessions: number }>(command(), args);
  const floors: Measured[] = [];
  const starts: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    floors.push(
      await withServer(
        async (config) => floorServer(config),
        (url) => measureStart(url, amount),
      ),
    );
    starts.push(await withServer(ourServer, (url) => measureStart(url, amount)));
  }
  const settings = await withServer(ourServer, (url) => measure(`${url}/settings`, { amount: amount * 10 }));
  const [floor, start] = [best(floors), best(starts)];
  const ratio = start.requestsPerSecond / floor.requestsPerSecond;
  return {
    title: `HTTP API, ${CONNECTIONS} connections, livekit-server on loopback`,
    rows: [
      { route: 'floor: room and token, bare Fastify', ...floor },
      { route: 'POST /session/start', ...start },
      { route: 'GET /settings', ...settings },
      { route: '/session/start of the floor', requestsPerSecond: `${Math.round(ratio * 100)} %` },
    ],
    json: { floor, start, settings, startOfFloor: Number(ratio.toFixed(3)) },
  };
}

async function withServer<T>(
  build: (config: Config) => Promise<FastifyInstance>,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const livekit = await startLivekitServer();
  const server = await build(testConfig(livekit, { LLM_PROVIDER: 'local' }));
  try {
    return await use(await server.listen({ host: '127.0.0.1', port: 0 }));
  } finally {
    await server.close();
    await livekit.stop();
  }
}

function ourServer(config: Config): Promise<FastifyInstance> {
  const log = createLogger('bench', 'fatal');
  // No worker runs here: the watch would take every room for forgotten. With workers it is one request for each room.
  return buildTestServer({ config, log, agentWatch: { firstLookMs: 600_000 } });
}

async function measureStart(url: string, amount: number): Promise<Measured> {
  await autocannon({ url: `${url}/session/start`, ...startRequest, connections: 2, amount: 100 });
  return measure(`${url}/session/start`, { ...startRequest, amount });
}

type Measured = Awaited<ReturnType<typeof measure>>;

async function measure(url: string, request: Omit<autocannon.Options, 'url'>) {
  const startedMs = performance.now();
  let lastMs = startedMs;
  const result = await autocannon({
    url,
    ...request,
    connections: CONNECTIONS,
    // autocannon's own duration is in whole seconds.
    setupClient: (client) => {
      client.on('response', () => {
        lastMs = performance.now();
      });
    },
  });
  return {
    requestsPerSecond: Math.round((result.requests.total / (lastMs - startedMs)) * 1000),
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}

function best(rounds: Measured[]): Measured {
  return rounds.reduce((one, other) => (other.requestsPerSecond > one.requestsPerSecond ? other : one));
}

function floorServer(config: Config): FastifyInstance {
  const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret } = config;
  const rooms = new RoomServiceClient(config.LIVEKIT_URL.replace(/^ws/, 'http'), key, secret);
  const app = Fastify();
  let count = 0;
  app.post('/session/start', async (_request, reply) => {
    const room = `floor-${++count}`;
    await rooms.createRoom({ name: room, agents: [new RoomAgentDispatch({ agentName: config.AGENT_NAME })] });
    const token = new AccessToken(key, secret, { identity: 'ana', ttl: 600 });
    token.addGrant({ roomJoin: true, room });
    return reply.code(201).send({ room, token: await token.toJwt() });
  });
  return app;
}
