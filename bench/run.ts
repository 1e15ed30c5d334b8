import Table from 'cli-table3';
import { Command } from 'commander';
import { printError } from '../src/cli/print-error.ts';
import type { BenchModule, BenchResult, Rows } from './support/bench-result.ts';
import { describeMachine, type Machine, machineLine } from './support/machine.ts';

const BENCHES: Readonly<Record<string, { summary: string; load: () => Promise<BenchModule> }>> = {
  voice: {
    summary: 'end of a question → first sound of its answer, join → greeting, memory of every process',
    load: () => import('./voice.ts'),
  },
  'cut-offs': {
    summary: 'sentences with a pause in them: how often the agent takes the pause for the end',
    load: () => import('./cut-offs.ts'),
  },
  'barge-in': {
    summary: "the caller's first sound over the agent → the agent's last sound",
    load: () => import('./barge-in.ts'),
  },
  cache: {
    summary: 'phrases that are kept: how soon they are heard, and how much of a day of calls they are',
    load: () => import('./cache.ts'),
  },
  rooms: {
    summary: 'callers at once: who is greeted, how soon, and what a call takes',
    load: () => import('./rooms.ts'),
  },
  phone: {
    summary: 'telephone calls on every channel beside a browser; many calls through the gateway',
    load: () => import('./phone.ts'),
  },
  timeline: {
    summary: 'one call, drawn: who spoke when, and what each engine did',
    load: () => import('./timeline.ts'),
  },
  start: {
    summary: '«npm run dev» to ready',
    load: () => import('./start.ts'),
  },
  api: {
    summary: 'the routes of sessions: requests a second, p50, p99, on both stores',
    load: () => import('./api.ts'),
  },
  update: {
    summary: 'PATCH of data tools → the agent of the running call has them',
    load: () => import('./update.ts'),
  },
};

const program = new Command('npm run bench --')
  .description('Measures Charla, and where there is one the stock pipeline beside it. See bench/README.md.')
  .helpOption(false)
  .argument('[name]', Object.keys(BENCHES).join(', '))
  .argument('[options...]', 'of the benchmark')
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (name: string | undefined, args: string[]) => {
    if (name === undefined || name === '--help' || name === '-h') return printHelp();
    const bench = BENCHES[name];
    if (bench === undefined) {
      return program.error(`There is no benchmark «${name}». There are: ${Object.keys(BENCHES).join(', ')}.`);
    }
    const machine = describeMachine();
    const { run } = await quietly(bench.load);
    print(name, machine, await run(args));
  });

try {
  await program.parseAsync();
} catch (error) {
  printError(error);
  process.exit(1);
}
// Sockets of rooms that have just closed would keep the process for a while.
process.exit(0);

/** Loads a benchmark as in production: elsewhere rtc-node writes each event of the callers to standard output. */
async function quietly(load: () => Promise<BenchModule>): Promise<BenchModule> {
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  const bench = await load();
  if (before === undefined) delete process.env.NODE_ENV;
  else process.env.NODE_ENV = before;
  return bench;
}

function print(name: string, machine: Machine, { title, rows, more = [], json }: BenchResult): void {
  console.log(`\n${title}\n${machineLine(machine)}\n${table(rows)}`);
  for (const one of more) console.log(`\n${one.title}\n${table(one.rows)}`);
  console.log(JSON.stringify({ bench: name, at: new Date().toISOString(), machine, ...json }));
}

function table(rows: Rows): string {
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((column) => (rows.some((row) => typeof row[column] === 'number') ? 'right' : 'left')),
  });
  for (const row of rows) lines.push(head.map((column) => row[column] ?? ''));
  return lines.toString();
}

/** The names, and below them each benchmark's own options. */
async function printHelp(): Promise<void> {
  const width = Math.max(...Object.keys(BENCHES).map((name) => name.length));
  console.log('Usage: npm run bench -- NAME [options]\n');
  for (const [name, { summary }] of Object.entries(BENCHES))
    console.log(`  ${name.padEnd(width)}  ${summary}`);
  for (const [name, { load }] of Object.entries(BENCHES)) {
    const { command } = await quietly(load);
    console.log(`\n${command().name(name).helpInformation().trimEnd()}`);
  }
}
