import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Language } from '../src/config/config.ts';
import { Caller } from '../test/support/caller.ts';
import type { BenchResult } from './support/bench-result.ts';
import { type OpenRoom, openBenchRoom } from './support/call.ts';
import { BASELINE, compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { counts, languageOption, parseOptions } from './support/options.ts';
import { totalMb } from './support/process-memory.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';
import { type WorkerMemory, workerMemory } from './support/worker-memory.ts';

/** A caller who has heard nothing for this long has hung up. */
const PATIENCE_MS = 30_000;
/** Job processes end, and idle ones take their place. */
const CALM_MS = 8_000;

interface RoomsOptions extends EngineOptions {
  n: number[];
  language: Language;
}

/** What callers who came at once found. */
export interface Greetings {
  callers: number;
  /** Beginning of the join → first sound of the greeting, ms, of those who were greeted. */
  greetingMs: number[];
}

export function command(): Command {
  const bench = new Command('rooms')
    .description('Callers who come at once: how many are greeted, how soon, and what memory a call takes.')
    .option('--n <n,n,…>', 'callers at once', counts, [8]);
  return engineOptions(languageOption(bench), 'fixed');
}

/**
 * Lets `n` callers come at once and listens for the greeting of each; they hang up together.
 *
 * @param open - opens one room, with its agent dispatched
 * @param options.whileAllAreIn - runs when the last caller was greeted or has lost patience
 * @param options.patienceMs - @defaultValue 30000
 */
export async function greetCallers(
  n: number,
  open: () => Promise<Pick<OpenRoom, 'url' | 'token'>>,
  options: { whileAllAreIn?: (greeted: number) => Promise<void>; patienceMs?: number } = {},
): Promise<Greetings> {
  const { whileAllAreIn, patienceMs = PATIENCE_MS } = options;
  const callers: Caller[] = [];
  try {
    const greeted = await Promise.all(
      Array.from({ length: n }, async () => {
        const room = await open();
        const joinedAt = performance.now();
        const caller = await Caller.join(room);
        callers.push(caller);
        const at = await caller
          .until(() => caller.firstSoundAfter(joinedAt), patienceMs, 'the greeting')
          .catch(() => undefined);
        return at === undefined ? undefined : at - joinedAt;
      }),
    );
    const greetingMs = greeted.filter((ms) => ms !== undefined);
    await whileAllAreIn?.(greetingMs.length);
    return { callers: n, greetingMs };
  } finally {
    await Promise.all(callers.map((caller) => caller.hangUp()));
  }
}

/** Runs {@link greetCallers} against Charla and against the stock pipeline as it comes. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<RoomsOptions>(command(), args);
  const { language, engines } = options;
  const contestants = [CHARLA, STOCK];
  const stack = await startBenchStack({
    engines: options,
    words: CONVERSATIONS[language].fixed,
    contestants,
  });
  try {
    for (const contestant of contestants) await measure(stack, contestant, language, 1);
    const rows: Array<Record<string, string | number>> = [];
    const json: object[] = [];
    for (const n of options.n) {
      const measured = new Map<string, Measured>();
      for (const contestant of contestants) {
        measured.set(contestant.name, await measure(stack, contestant, language, n));
      }
      const greetings = new Map([...measured].map(([name, { greetingMs }]) => [name, greetingMs]));
      const compared = compare('join → greeting, ms', greetings, (name) => {
        const { jobMb = Number.NaN, workerMb = 0 } = measured.get(name) ?? {};
        const ofStock = jobMb / (measured.get(BASELINE)?.jobMb ?? Number.NaN);
        return {
          'job MB': shown(jobMb),
          'job / stock': name === BASELINE ? '' : shown(ofStock, 2),
          'worker MB': shown(workerMb),
        };
      });
      for (const { n: greeted, ...row } of compared.rows) {
        rows.push({ callers: n, greeted: greeted ?? 0, ...row });
      }
      json.push({
        n,
        greetingMs: compared.json,
        greeted: Object.fromEntries([...greetings].map(([name, all]) => [name, all.length])),
        memory: Object.fromEntries(
          [...measured].map(([name, { jobMb, workerMb }]) => [
            name,
            { jobMb: Math.round(jobMb), workerMb: Math.round(workerMb) },
          ]),
        ),
      });
    }
    return {
      title: `Callers at once, ${engines} engines, ${language}; stock with its default load limit`,
      rows,
      json: { options: { n: options.n, engines, language }, rooms: json },
    };
  } finally {
    await stack.close();
  }
}

interface Measured extends Greetings {
  /** Mean of the job processes in a call, MB of proportional share. */
  jobMb: number;
  /** The worker with all of its processes, in these calls, MB of proportional share. */
  workerMb: number;
}

async function measure(
  stack: BenchStack,
  { name, agentName }: Contestant,
  language: Language,
  n: number,
): Promise<Measured> {
  const rooms: OpenRoom[] = [];
  let memory: WorkerMemory | undefined;
  const greetings = await greetCallers(
    n,
    async () => {
      const { dataTools } = CONVERSATIONS[language];
      const room = await openBenchRoom(stack, { agentName, dataTools, language });
      rooms.push(room);
      return room;
    },
    {
      whileAllAreIn: async (greeted) => {
        memory = await workerMemory(stack.pid(name) ?? 0, greeted);
      },
    },
  );
  for (const room of rooms) await room.close();
  await sleep(CALM_MS);
  const { parent = [], turnDetector = [], jobsInCall = [], idleJobs = [] } = memory ?? {};
  return {
    ...greetings,
    jobMb: jobsInCall.length === 0 ? Number.NaN : totalMb(jobsInCall) / jobsInCall.length,
    workerMb: totalMb([...parent, ...turnDetector, ...jobsInCall, ...idleJobs]),
  };
}

function shown(value: number, digits = 0): string | number {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : '–';
}
