import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CharlaError } from '../../errors.ts';
import { SUPERVISED } from './end-with-supervisor.ts';

/** A process to keep running. */
export interface Service {
  name: string;
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  /** Asked with GET until it answers 200: then the service is ready; of a `tcp://` one, until it takes a connection. */
  readyUrl: string;
  /** How long SIGTERM may take before SIGKILL, ms. @defaultValue 3000 */
  stopTimeoutMs?: number;
  /** SIGTERM is sent again after this time, ms, to programs that take the second one as «now». */
  repeatSigtermAfterMs?: number;
  /** Name of a service, earlier in the list, that must be ready before this one starts. */
  after?: string;
}

export interface SupervisorOptions {
  /** A line that a service wrote, or the supervisor's own word about it. */
  onLine: (service: string, line: string) => void;
  onEvent: (service: string, event: ServiceEvent) => void;
  /** First delay before a service that died starts again, ms; doubles each time. @defaultValue 1000 */
  minRestartDelayMs?: number;
  /** @defaultValue 30000 */
  maxRestartDelayMs?: number;
  /** A service that lived this long, ms, starts again from the first delay. @defaultValue 60000 */
  healthyAfterMs?: number;
  /** How long a service may take to become ready, ms. @defaultValue 120000 */
  readyTimeoutMs?: number;
}

export type ServiceEvent =
  | { type: 'started'; pid: number }
  | { type: 'ready'; pid: number; afterMs: number }
  /** It was started again, runs, and did not answer in time. */
  | { type: 'unready'; pid: number; reason: string }
  | { type: 'died'; how: string; restartInMs: number }
  | { type: 'stopped' };

const POLL_MS = 100;

interface Running {
  child: ChildProcess;
  /** Says how the process ended, once nothing of its group is left. */
  ended: Promise<string>;
}

interface Entry {
  service: Service;
  running: Running | undefined;
  startedAt: number;
  delayMs: number;
  /** Ends when nothing of the service runs and none will start again. */
  loop: Promise<void>;
}

/**
 * Keeps processes running: each in a process group of its own, started again with growing delays when it dies, and
 * ended in order with everything that it started. Restart and stop of a service take its whole group, so that a
 * worker's job processes never outlive it.
 */
export class ProcessSupervisor {
  readonly #options: Required<SupervisorOptions>;
  readonly #entries: Entry[] = [];
  readonly #stopping = new AbortController();
  #forced = false;

  constructor(options: SupervisorOptions) {
    this.#options = {
      minRestartDelayMs: 1000,
      maxRestartDelayMs: 30_000,
      healthyAfterMs: 60_000,
      readyTimeoutMs: 120_000,
      ...options,
    };
  }

  /** The process id of a service, while it runs. */
  pid(name: string): number | undefined {
    return this.#entries.find((entry) => entry.service.name === name)?.running?.child.pid;
  }

  /**
   * Starts services together, save those that come `after` another, and resolves when all are ready.
   *
   * @throws CharlaError as {@link start} does
   */
  async startAll(services: readonly Service[]): Promise<void> {
    const started = new Map<string, Promise<void>>();
    for (const service of services) {
      const before = service.after === undefined ? Promise.resolve() : started.get(service.after);
      started.set(
        service.name,
        Promise.resolve(before).then(() => this.start(service)),
      );
    }
    await Promise.all(started.values());
  }

  /**
   * Starts a service and resolves when it is ready for the first time; from then on it is kept running.
   *
   * @throws CharlaError `CHARLA_CHILD_FAILED` when it ends, or is not ready in time, before it was ever ready
   */
  async start(service: Service): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    const entry: Entry = {
      service,
      running: undefined,
      startedAt: 0,
      delayMs: this.#options.minRestartDelayMs,
      loop: Promise.resolve(),
    };
    this.#entries.push(entry);
    const first = this.#spawn(entry);
    const outcome = await this.#untilReady(entry, first);
    if (outcome !== 'ready') {
      throw new CharlaError('CHARLA_CHILD_FAILED', { service: service.name, reason: outcome });
    }
    entry.loop = this.#keepRunning(entry, first);
  }

  /** Ends every service, the last one started first, and resolves when none of their processes is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const entry of this.#entries.toReversed()) await this.#end(entry);
    await Promise.all(this.#entries.map((entry) => entry.loop));
  }

  /** Makes a running {@link stop} kill what is left at once. */
  force(): void {
    this.#forced = true;
    for (const { running } of this.#entries) if (running !== undefined) killGroup(running.child);
  }

  #spawn(entry: Entry): Running {
    const { service } = entry;
    const child = spawn(service.command, service.args, {
      env: { ...process.env, ...service.env, [SUPERVISED]: '1' },
      // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then ends things in order.
      detached: true,
      stdio: 'pipe',
    });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => this.#options.onLine(service.name, line));
    }
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => {
        killGroup(child);
        resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`);
      });
    });
    const running: Running = { child, ended };
    void ended.then(() => {
      if (entry.running === running) entry.running = undefined;
    });
    entry.running = running;
    entry.startedAt = Date.now();
    if (child.pid !== undefined) this.#options.onEvent(service.name, { type: 'started', pid: child.pid });
    return running;
  }

  /** @returns `ready`, or a sentence that says why not */
  async #untilReady(entry: Entry, { child, ended }: Running): Promise<string> {
    const { name, readyUrl } = entry.service;
    const { readyTimeoutMs } = this.#options;
    const over = new AbortController();
    const deadline = Date.now() + readyTimeoutMs;
    const poll = async (): Promise<string> => {
      let last = 'no answer';
      while (!over.signal.aborted && Date.now() < deadline) {
        const answer = await (readyUrl.startsWith('tcp:') ? connects(readyUrl) : get(readyUrl, over.signal));
        if (answer === undefined) return 'ready';
        last = answer;
        await sleep(POLL_MS, undefined, { signal: over.signal }).catch(() => undefined);
      }
      return `${readyUrl} did not answer${readyUrl.startsWith('tcp:') ? '' : ' 200'} within ${Math.round(readyTimeoutMs / 1000)} s (last answer: ${last})`;
    };
    const outcome = await Promise.race([poll(), ended.then((how) => `it ended (${how})`)]);
    over.abort();
    if (outcome === 'ready' && child.pid !== undefined) {
      this.#options.onEvent(name, { type: 'ready', pid: child.pid, afterMs: Date.now() - entry.startedAt });
    }
    return outcome;
  }

  async #keepRunning(entry: Entry, first: Running): Promise<void> {
    const { minRestartDelayMs, maxRestartDelayMs, healthyAfterMs } = this.#options;
    for (let running = first; ; ) {
      const how = await running.ended;
      if (this.#stopping.signal.aborted) return;
      if (Date.now() - entry.startedAt >= healthyAfterMs) entry.delayMs = minRestartDelayMs;
      this.#options.onEvent(entry.service.name, { type: 'died', how, restartInMs: entry.delayMs });
      const waited = await sleep(entry.delayMs, true, { signal: this.#stopping.signal }).catch(() => false);
      if (!waited) return;
      entry.delayMs = Math.min(entry.delayMs * 2, maxRestartDelayMs);
      running = this.#spawn(entry);
      void this.#watchRestart(entry, running);
    }
  }

  async #watchRestart(entry: Entry, running: Running): Promise<void> {
    const reason = await this.#untilReady(entry, running);
    // When it ended instead, `died` or `stopped` says so.
    if (reason === 'ready' || entry.running !== running || this.#stopping.signal.aborted) return;
    const { pid } = running.child;
    if (pid !== undefined) this.#options.onEvent(entry.service.name, { type: 'unready', pid, reason });
  }

  async #end({ running, service }: Entry): Promise<void> {
    if (running === undefined) return;
    const { child, ended } = running;
    const timers = [setTimeout(() => killGroup(child), service.stopTimeoutMs ?? 3000)];
    if (service.repeatSigtermAfterMs !== undefined) {
      timers.push(setTimeout(() => child.kill('SIGTERM'), service.repeatSigtermAfterMs));
    }
    if (this.#forced) killGroup(child);
    // Only the service itself: a worker ends its own job processes in their order.
    else child.kill('SIGTERM');
    await ended;
    for (const timer of timers) clearTimeout(timer);
    this.#options.onEvent(service.name, { type: 'stopped' });
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}

/** @returns undefined when something takes connections there, else why not */
function connects(url: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 2000 });
    const settle = (outcome: string | undefined): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once('connect', () => settle(undefined));
    socket.once('timeout', () => settle('no answer'));
    socket.once('error', (error) => settle(error.message));
  });
}

/** @returns undefined when the URL answers 200, else what it said */
async function get(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]) });
    const body = await response.text();
    return response.status === 200 ? undefined : `${response.status} ${body.slice(0, 500)}`;
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  }
}
