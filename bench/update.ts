import { Room } from '@livekit/rtc-node';
import { Command } from 'commander';
import { z } from 'zod';
import { type CallContext, watchCallContext } from '../src/agent/call-context.ts';
import { createLogger } from '../src/telemetry/log.ts';
import type { BenchResult } from './support/bench-result.ts';
import {
  type MeasuredServer,
  STORES,
  type StoreName,
  withCharla,
  withLivekit,
  withPostgres,
} from './support/charla-server.ts';
import { count, counts, parseOptions } from './support/options.ts';
import { type Summary, summarise } from './support/percentiles.ts';

/** Where the data tools that change stand: those that are private do not travel with the change, they are fetched. */
const KINDS = ['in the metadata', 'private'] as const;
const ROUND_TIMEOUT_MS = 10_000;

interface Options {
  rooms: number[];
  changes: number;
}

interface Found {
  store: StoreName;
  rooms: number;
  kind: (typeof KINDS)[number];
  ms: Summary;
}

export function command(): Command {
  return new Command('update')
    .description('PATCH of data tools → the agent of the running call has them.')
    .option('--rooms <list>', 'rooms at once, all changed at the same time', counts, [1, 20])
    .option('--changes <n>', 'in each room', count, 50);
}

/**
 * From the request to the moment at which what an agent runs to hear of changes (`src/agent/call-context.ts`) has the
 * data, in rooms on a livekit-server on loopback; all of it, the agents' ends too, is in this process.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<Options>(command(), args);
  const found: Found[] = [];
  await withPostgres(async (postgres) => {
    for (const store of STORES) {
      for (const rooms of options.rooms) {
        const measured = await withLivekit((livekit) =>
          withCharla(store, { postgres, livekit }, (server) => measure(server, rooms, options.changes)),
        );
        found.push(...measured.map((one) => ({ store, rooms, ...one })));
      }
    }
  });
  return {
    title: 'PATCH /session/{id}/data-tools → the agent has them',
    rows: found.map(({ store, rooms, kind, ms }) => ({
      store,
      rooms,
      'what changes': kind,
      'p50, ms': ms.p50.toFixed(1),
      'p95, ms': ms.p95.toFixed(1),
      'max, ms': ms.max.toFixed(1),
      n: ms.n,
    })),
    json: { updates: found },
  };
}

async function measure(server: MeasuredServer, rooms: number, changes: number) {
  const agents: Agent[] = [];
  for (let index = 0; index < rooms; index += 1) agents.push(await Agent.join(server));
  const results: Omit<Found, 'store' | 'rooms'>[] = [];
  for (const kind of KINDS) {
    const times: number[] = [];
    // The first change of each does not count.
    for (let change = 0; change <= changes; change += 1) {
      const took = await Promise.all(agents.map((agent) => agent.change(kind, change)));
      if (change > 0) times.push(...took);
    }
    const ms = summarise(times);
    if (ms !== undefined) results.push({ kind, ms });
  }
  await Promise.all(agents.map((agent) => agent.leave()));
  return results;
}

const startedSchema = z.object({ session_id: z.string(), url: z.string(), token: z.string() });

/** Hears of changes as the agent of a call does. */
class Agent {
  readonly #room: Room;
  readonly #patchUrl: string;
  #waiting: { value: string; resolve: () => void } | undefined;

  private constructor(room: Room, patchUrl: string) {
    this.#room = room;
    this.#patchUrl = patchUrl;
  }

  static async join({ url, config }: MeasuredServer): Promise<Agent> {
    const response = await fetch(`${url}/session/start`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user_id: 'ana', data_tools: { user_context: { name: 'Ana' } } }),
    });
    const session = startedSchema.parse(await response.json());
    const room = new Room();
    const agent = new Agent(room, `${url}/session/${session.session_id}/data-tools`);
    const changes = watchCallContext(room, config, createLogger('bench', 'fatal'));
    changes.use(async (context) => agent.#hear(context));
    await room.connect(session.url, session.token, { autoSubscribe: false, dynacast: false });
    return agent;
  }

  /** @returns from the request to the change, ms */
  async change(kind: Found['kind'], change: number): Promise<number> {
    const value = `${kind} ${change}`;
    const heard = new Promise<void>((resolve, reject) => {
      this.#waiting = { value, resolve };
      setTimeout(() => reject(new Error(`${value}: not heard of`)), ROUND_TIMEOUT_MS).unref();
    });
    const startedMs = performance.now();
    const response = await fetch(this.#patchUrl, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(kind === 'private' ? { private: { value } } : { app_data: { value } }),
    });
    if (!response.ok) throw new Error(`the change was answered ${response.status}`);
    await heard;
    return performance.now() - startedMs;
  }

  leave(): Promise<void> {
    return this.#room.disconnect();
  }

  #hear({ dataTools }: CallContext): void {
    const waiting = this.#waiting;
    if (waiting !== undefined && JSON.stringify(dataTools).includes(`"${waiting.value}"`)) waiting.resolve();
  }
}
