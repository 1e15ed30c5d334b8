import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Command } from 'commander';
import { execa } from 'execa';
import getPort from 'get-port';
import type { BenchResult } from './support/bench-result.ts';
import { count, parseOptions } from './support/options.ts';
import { percentile } from './support/percentiles.ts';

interface StartOptions {
  times: number;
  cold?: true;
}

/** One start, ms. */
interface Start {
  readyMs: number;
  /** From the start of each service to its first sign of life. */
  services: Record<string, number>;
}

export function command(): Command {
  return new Command('start')
    .description(
      '«npm run dev» until it says that it is ready. Charla only: the stock pipeline has no such command.',
    )
    .option('--times <n>', 'warm starts, after one that is not counted', count, 3)
    .option('--cold', 'one start more, with an empty CHARLA_HOME: fetches livekit-server and 1 GB of models');
}

/** Time from the command to «Ready», warm and, if asked, cold. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { times, cold } = parseOptions<StartOptions>(command(), args);
  const coldStart = cold === undefined ? undefined : await startCold();
  await start();
  const warm: Start[] = [];
  for (let turn = 0; turn < times; turn += 1) warm.push(await start());

  const services = [...new Set(warm.flatMap((one) => Object.keys(one.services)))];
  const row = (figure: string, values: number[], coldMs: number | undefined) => ({
    figure,
    n: values.length,
    'warm p50': Math.round(percentile(values, 0.5) ?? 0),
    'warm max': Math.round(Math.max(...values)),
    ...(coldStart !== undefined && { cold: coldMs === undefined ? '–' : Math.round(coldMs) }),
  });
  const readyMs = warm.map((one) => one.readyMs);
  return {
    title: 'Start: «npm run dev» to ready, ms',
    rows: [
      row('npm run dev → ready', readyMs, coldStart?.readyMs),
      ...services.map((name) =>
        row(
          `${name}: its start → ready`,
          warm.flatMap((one) => one.services[name] ?? []),
          coldStart?.services[name],
        ),
      ),
    ],
    json: { warm, cold: coldStart },
  };
}

async function startCold(): Promise<Start> {
  const home = await mkdtemp(join(tmpdir(), 'charla-cold-'));
  try {
    return await start({ CHARLA_HOME: home });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Starts on ports of its own, and ends when it was ready. */
async function start(env: Record<string, string> = {}): Promise<Start> {
  const [api, worker, inference, livekit] = [
    await getPort(),
    await getPort(),
    await getPort(),
    await getPort(),
  ];
  const startedAt = performance.now();
  const dev = execa('npm', ['run', 'dev'], {
    env: {
      NODE_ENV: 'development',
      PORT: String(api),
      WORKER_PORT: String(worker),
      INFERENCE_PORT: String(inference),
      LIVEKIT_URL: `ws://127.0.0.1:${livekit}`,
      ...env,
    },
    all: true,
    reject: false,
    stdin: 'ignore',
    detached: true,
  });
  // npm and what it started are one process group.
  const stop = () => {
    if (dev.pid !== undefined) process.kill(-dev.pid, 'SIGTERM');
  };
  process.once('SIGINT', stop);
  const services: Record<string, number> = {};
  let readyMs: number | undefined;
  const lines: string[] = [];
  for await (const raw of dev.iterable({ from: 'all' })) {
    const line = stripVTControlCharacters(raw);
    lines.push(line);
    const [, name, seconds] = /^(\w+)\s+│ ready after ([\d.]+) s/.exec(line) ?? [];
    if (name !== undefined) services[name] = Number(seconds) * 1000;
    if (readyMs === undefined && line.startsWith('Ready in')) {
      readyMs = performance.now() - startedAt;
      stop();
    }
  }
  await dev;
  process.off('SIGINT', stop);
  if (readyMs === undefined) throw new Error(`npm run dev ended before it was ready:\n${lines.join('\n')}`);
  return { readyMs, services };
}
