import { Command } from 'commander';
import Fastify, { type FastifyInstance } from 'fastify';
import { AccessToken, RoomAgentDispatch, RoomServiceClient } from 'livekit-server-sdk';
import type { Config } from '../src/config/config.ts';
import { createSessionStore, type SessionStore } from '../src/sessions/session-store.ts';
import { testConfig } from '../test/support/livekit-server.ts';
import type { TestPostgres } from '../test/support/postgres-server.ts';
import type { BenchResult } from './support/bench-result.ts';
import {
  NO_LIVEKIT,
  STORES,
  type StoreName,
  withCharla,
  withListening,
  withLivekit,
  withPostgres,
} from './support/charla-server.ts';
import { bestOf, type HttpLoad, measureHttp } from './support/http-load.ts';
import { count, counts, parseOptions } from './support/options.ts';

const ROUNDS = 3;
/** Reads are so much faster than starts that more of them are asked for. */
const READS_PER_START = 6;
const FEW = 100;
const MANY = 10_000;

interface Options {
  sessions: number;
  connections: number[];
}

export function command(): Command {
  return new Command('api')
    .description(
      'Requests a second, p50 and p99 of the routes of sessions, beside their floors, on both stores.',
    )
    .option(
      '--sessions <n>',
      'of one measurement; each opens a room, which stays for two minutes',
      count,
      1_500,
    )
    .option('--connections <list>', 'connections at once, one measurement each', counts, [1, 8, 64]);
}

const dataTools = {
  user_context: { name: 'Ana', role: 'Soporte', tickets: ['#1234', '#5678'] },
  app_data: { version: '1.5.2', issues: ['login', 'payment'] },
};
const startRequest = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ user_id: 'ana', data_tools: dataTools }),
} as const;

/**
 * Starts, against a floor: a bare Fastify route that opens the room and signs the token, with the SDK and nothing of
 * ours. Reads of data tools, against a bare route that returns the same bytes, headers too. A page of the list and starts, with few
 * and with many sessions in the store. Everything, the clients too, is on this machine. Floor and ours take turns, each
 * time with a fresh livekit-server and a fresh store; the best round of each counts.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<Options>(command(), args);
  return withPostgres(async (postgres) => {
    const starts = await measureStarts(options, postgres);
    const reads = await measureReads(options, postgres);
    const sizes = await measureSizes(options, postgres);
    return {
      title: 'POST /session/start, livekit-server on loopback',
      rows: starts.map(besideFloor),
      more: [
        { title: 'GET /session/{id}/data-tools', rows: reads.map(besideFloor) },
        { title: `With ${MANY} sessions in the store, against ${FEW}`, rows: sizes.map(sizeRow) },
      ],
      json: { starts, reads, sizes },
    };
  });
}

interface BesideFloor {
  connections: number;
  floor: HttpLoad;
  ours: Record<StoreName, HttpLoad>;
}

function besideFloor({ connections, floor, ours }: BesideFloor) {
  const share = ({ requestsPerSecond }: HttpLoad) =>
    `${Math.round((requestsPerSecond / floor.requestsPerSecond) * 100)} %`;
  return {
    connections,
    'floor, requests/s': floor.requestsPerSecond,
    'floor p50 / p99, ms': `${floor.p50Ms} / ${floor.p99Ms}`,
    ...Object.fromEntries(
      STORES.flatMap((store) => [
        [`${store}, requests/s`, ours[store].requestsPerSecond],
        [`${store} p50 / p99, ms`, `${ours[store].p50Ms} / ${ours[store].p99Ms}`],
        [`${store} of floor`, share(ours[store])],
      ]),
    ),
    failed: floor.failed + STORES.reduce((sum, store) => sum + ours[store].failed, 0),
  };
}

async function measureStarts({ sessions: amount, connections }: Options, postgres: TestPostgres) {
  const measureAll = async (url: string) => {
    const loads: HttpLoad[] = [];
    for (const at of connections) {
      loads.push(
        await measureHttp({ url: `${url}/session/start`, ...startRequest }, { connections: at, amount }),
      );
    }
    return loads;
  };
  return inRounds(connections, {
    floor: () => withLivekit(async (livekit) => withListening(startFloor(testConfig(livekit)), measureAll)),
    ours: (name) =>
      withLivekit((livekit) => withCharla(name, { postgres, livekit }, ({ url }) => measureAll(url))),
  });
}

async function measureReads({ sessions, connections }: Options, postgres: TestPostgres) {
  const amount = sessions * READS_PER_START;
  const path = '/session/one/data-tools';
  const measureAll = async (url: string) => {
    const loads: HttpLoad[] = [];
    for (const at of connections) {
      loads.push(await measureHttp({ url: `${url}${path}` }, { connections: at, amount }));
    }
    return loads;
  };
  return inRounds(connections, {
    floor: async () => withListening(readFloor(await headersOfReads(postgres, path)), measureAll),
    ours: (name) =>
      withCharla(name, { postgres, livekit: NO_LIVEKIT }, async ({ url, store, config }) => {
        await createSessionStore(store, config).create(someSession('one'));
        return measureAll(url);
      }),
  });
}

/** Rounds in which the floor and each store take turns; each measures every number of connections. */
async function inRounds(
  connections: readonly number[],
  { floor, ours }: { floor: () => Promise<HttpLoad[]>; ours: (store: StoreName) => Promise<HttpLoad[]> },
): Promise<BesideFloor[]> {
  const floors: HttpLoad[][] = [];
  const stores: Record<StoreName, HttpLoad[][]> = { PGlite: [], PostgreSQL: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    floors.push(await floor());
    for (const name of STORES) stores[name].push(await ours(name));
  }
  const best = (rounds: HttpLoad[][], index: number) => bestOf(rounds.flatMap((round) => round[index] ?? []));
  return connections.map((at, index) => ({
    connections: at,
    floor: best(floors, index),
    ours: { PGlite: best(stores.PGlite, index), PostgreSQL: best(stores.PostgreSQL, index) },
  }));
}

interface Sizes {
  route: string;
  store: StoreName;
  few: HttpLoad;
  many: HttpLoad;
}

function sizeRow({ route, store, few, many }: Sizes) {
  return {
    route,
    store,
    [`${FEW}, requests/s`]: few.requestsPerSecond,
    [`${MANY}, requests/s`]: many.requestsPerSecond,
    'time, ratio': (few.requestsPerSecond / many.requestsPerSecond).toFixed(2),
  };
}

async function measureSizes({ sessions: amount }: Options, postgres: TestPostgres): Promise<Sizes[]> {
  const at = { connections: 8, amount };
  const measureOne = (name: StoreName, size: number) =>
    withLivekit((livekit) =>
      withCharla(name, { postgres, livekit }, async ({ url, store, config }) => {
        await fill(createSessionStore(store, config), size);
        return {
          list: await measureHttp({ url: `${url}/sessions?limit=50` }, at),
          start: await measureHttp({ url: `${url}/session/start`, ...startRequest }, at),
        };
      }),
    );
  const rows: Sizes[] = [];
  for (const store of STORES) {
    const few: Awaited<ReturnType<typeof measureOne>>[] = [];
    const many: typeof few = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      few.push(await measureOne(store, FEW));
      many.push(await measureOne(store, MANY));
    }
    const row = (route: string, pick: 'list' | 'start') => ({
      route,
      store,
      few: bestOf(few.map((one) => one[pick])),
      many: bestOf(many.map((one) => one[pick])),
    });
    rows.push(row('GET /sessions?limit=50', 'list'), row('POST /session/start', 'start'));
  }
  return rows;
}

async function fill(sessions: SessionStore, amount: number): Promise<void> {
  for (let done = 0; done < amount; done += FEW) {
    await Promise.all(
      Array.from({ length: FEW }, (_, index) => sessions.create(someSession(`session-${done + index}`))),
    );
  }
}

function someSession(id: string) {
  return {
    id,
    userId: 'ana',
    room: `charla-${id}`,
    profile: 'browser',
    channel: 'browser',
    phone: null,
    language: 'es',
    dataTools,
  } as const;
}

function startFloor(config: Config): FastifyInstance {
  const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret } = config;
  const rooms = new RoomServiceClient(config.LIVEKIT_URL.replace(/^ws/, 'http'), key, secret);
  const app = Fastify();
  let opened = 0;
  app.post('/session/start', async (_request, reply) => {
    const room = `floor-${++opened}`;
    await rooms.createRoom({ name: room, agents: [new RoomAgentDispatch({ agentName: config.AGENT_NAME })] });
    const token = new AccessToken(key, secret, { identity: 'ana', ttl: 600 });
    token.addGrant({ roomJoin: true, room });
    return reply.code(201).send({ room, token: await token.toJwt() });
  });
  return app;
}

function readFloor(headers: Record<string, string>): FastifyInstance {
  const app = Fastify();
  const json = JSON.stringify(dataTools);
  app.get('/session/:id/data-tools', async (_request, reply) => reply.headers(headers).send(json));
  return app;
}

/** What Charla answers with, but for what Fastify adds by itself. */
function headersOfReads(postgres: TestPostgres, path: string): Promise<Record<string, string>> {
  return withCharla('PGlite', { postgres, livekit: NO_LIVEKIT }, async ({ url, store, config }) => {
    await createSessionStore(store, config).create(someSession('one'));
    const { headers } = await fetch(`${url}${path}`);
    const own = ['date', 'connection', 'keep-alive', 'content-length'];
    return Object.fromEntries([...headers].filter(([name]) => !own.includes(name)));
  });
}
