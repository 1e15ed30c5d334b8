import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { ProcessSupervisor, type Service, type ServiceEvent } from '../../src/cli/dev/process-supervisor.ts';
import { CharlaError } from '../../src/errors.ts';
import { freePort } from '../support/livekit-server.ts';
import { isAlive, until } from './support.ts';

const CHILD = fileURLToPath(new URL('fixtures/child.mjs', import.meta.url));

let supervisor: ProcessSupervisor | undefined;
afterEach(async () => {
  supervisor?.force();
  await supervisor?.stop();
});

function setUp(options: { readyTimeoutMs?: number } = {}) {
  const lines: string[] = [];
  const events: (ServiceEvent & { service: string })[] = [];
  supervisor = new ProcessSupervisor({
    onLine: (service, line) => lines.push(`${service}: ${line}`),
    onEvent: (service, event) => events.push({ service, ...event }),
    minRestartDelayMs: 20,
    maxRestartDelayMs: 40,
    ...options,
  });
  return { supervisor, lines, events, types: () => events.map(({ service, type }) => `${service} ${type}`) };
}

async function service(name: string, ...options: string[]): Promise<Service & { url: string }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  return {
    name,
    command: process.execPath,
    args: [CHILD, String(port), ...options],
    readyUrl: `${url}/`,
    url,
  };
}

describe('a supervised service', () => {
  it('is started, its lines are passed on with its name, and it counts as ready when it answers 200', async () => {
    const { supervisor, lines, types } = setUp();
    await supervisor.start(await service('one', 'late-500'));
    expect(types()).toEqual(['one started', 'one ready']);
    expect(lines).toEqual(['one: {"level":30,"msg":"listening"}']);
  });

  it('that does not speak HTTP counts as ready when it takes a connection', async () => {
    const { supervisor, types } = setUp({ readyTimeoutMs: 2_000 });
    const one = await service('one', 'late-500');
    await supervisor.start({ ...one, readyUrl: one.url.replace('http:', 'tcp:') });
    expect(types()).toEqual(['one started', 'one ready']);
    const two = await service('two');
    const elsewhere = supervisor.start({ ...two, readyUrl: `tcp://127.0.0.1:${await freePort()}` });
    await expect(elsewhere).rejects.toThrow(/^two did not become ready: tcp:.*ECONNREFUSED/);
  });

  it('that ends before it was ready is an error with its exit code', async () => {
    const { supervisor, lines } = setUp();
    const starting = supervisor.start(await service('broken', 'exit-7'));
    await expect(starting).rejects.toThrow(/^broken did not become ready: it ended \(exit code 7\)/);
    expect(lines).toEqual(['broken: giving up']);
  });

  it('that never answers 200 is an error with its last answer', async () => {
    const { supervisor } = setUp({ readyTimeoutMs: 600 });
    const starting = supervisor.start(await service('mute', 'silent'));
    await expect(starting).rejects.toThrow(/503 not yet/);
    await expect(starting).rejects.toBeInstanceOf(CharlaError);
  });

  it('that comes after another one starts when that one is ready, and not at all when it fails', async () => {
    const { supervisor, types } = setUp();
    const one = await service('one', 'late-500');
    await supervisor.startAll([one, { ...(await service('two')), after: 'one' }]);
    expect(types()).toEqual(['one started', 'one ready', 'two started', 'two ready']);
    const broken = await service('broken', 'exit-7');
    const late = { ...(await service('late')), after: 'broken' };
    await expect(supervisor.startAll([broken, late])).rejects.toThrow(/^broken did not become ready/);
    expect(types()).not.toContain('late started');
  });

  it('whose program does not exist is an error that names it', async () => {
    const { supervisor } = setUp();
    const starting = supervisor.start({ ...(await service('ghost')), command: '/nonexistent/program' });
    await expect(starting).rejects.toThrow(/nonexistent/);
  });

  it('is started again when it dies, with growing delays, and becomes ready again', async () => {
    const { supervisor, events } = setUp();
    const one = await service('one');
    await supervisor.start(one);
    const first = supervisor.pid('one');
    const deaths = () => events.filter((event) => event.type === 'died');
    const readies = () => events.filter((event) => event.type === 'ready');
    for (const count of [1, 2, 3]) {
      process.kill(supervisor.pid('one') ?? 0, 'SIGKILL');
      await until(() => readies().length === count + 1);
    }
    expect(supervisor.pid('one')).not.toBe(first);
    expect(deaths()).toEqual(
      [20, 40, 40].map((restartInMs) => ({
        service: 'one',
        type: 'died',
        how: 'killed by SIGKILL',
        restartInMs,
      })),
    );
  });

  it('that does not become ready again after a restart is reported', async () => {
    const { supervisor, events } = setUp({ readyTimeoutMs: 600 });
    const folder = await mkdtemp(join(tmpdir(), 'charla-supervisor-'));
    const one = await service('one', `once-${join(folder, 'was-here')}`);
    await supervisor.start(one);
    process.kill(supervisor.pid('one') ?? 0, 'SIGKILL');
    await until(() => events.some(({ type }) => type === 'unready'));
    expect(events.at(-1)).toMatchObject({
      service: 'one',
      type: 'unready',
      pid: supervisor.pid('one'),
      reason: expect.stringContaining('503 not yet'),
    });
    await rm(folder, { recursive: true });
  });

  it('says with which code it ended', async () => {
    const { supervisor, events } = setUp();
    const one = await service('one');
    await supervisor.start(one);
    await fetch(`${one.url}/crash`).catch(() => undefined);
    await until(() => events.some((event) => event.type === 'died' && event.how === 'exit code 3'));
  });

  it('takes the processes that it started with it when it dies', async () => {
    const { supervisor, lines } = setUp();
    await supervisor.start(await service('one', 'grandchild'));
    const grandchild = await grandchildPid(lines);
    process.kill(supervisor.pid('one') ?? 0, 'SIGKILL');
    await until(() => !isAlive(grandchild));
  });
});

describe('stopping', () => {
  it('ends services in reverse order, and none starts again', async () => {
    const { supervisor, types } = setUp();
    for (const name of ['one', 'two', 'three']) await supervisor.start(await service(name));
    const pids = ['one', 'two', 'three'].map((name) => supervisor.pid(name) ?? 0);
    await supervisor.stop();
    expect(types().slice(-3)).toEqual(['three stopped', 'two stopped', 'one stopped']);
    expect(pids.filter(isAlive)).toEqual([]);
    await sleep(100);
    expect(types().at(-1)).toBe('one stopped');
  });

  it('kills what ignores SIGTERM after its time limit, with what that started', async () => {
    const { supervisor, lines } = setUp();
    await supervisor.start({ ...(await service('one', 'stubborn', 'grandchild')), stopTimeoutMs: 200 });
    const pid = supervisor.pid('one') ?? 0;
    const grandchild = await grandchildPid(lines);
    await supervisor.stop();
    expect(lines).toContain('one: not yet');
    expect(isAlive(pid)).toBe(false);
    await until(() => !isAlive(grandchild));
  });

  it('sends SIGTERM a second time to programs that need it', async () => {
    const { supervisor, lines } = setUp();
    await supervisor.start({
      ...(await service('one', 'stubborn')),
      repeatSigtermAfterMs: 50,
      stopTimeoutMs: 500,
    });
    await supervisor.stop();
    expect(lines.filter((line) => line === 'one: not yet')).toHaveLength(2);
  });

  it('kills at once when forced', async () => {
    const { supervisor } = setUp();
    await supervisor.start({ ...(await service('one', 'stubborn')), stopTimeoutMs: 3_600_000 });
    const stopping = supervisor.stop();
    supervisor.force();
    await stopping;
    expect(supervisor.pid('one')).toBeUndefined();
  });

  it('works while a service is still starting', async () => {
    const { supervisor } = setUp();
    const starting = supervisor.start(await service('one', 'silent'));
    const failed = expect(starting).rejects.toThrow(/did not become ready/);
    await until(() => supervisor.pid('one') !== undefined);
    await supervisor.stop();
    await failed;
  });
});

describe('a supervised process whose supervisor is killed', () => {
  it('ends by itself, with the processes that it started', async () => {
    const script = fileURLToPath(new URL('fixtures/supervise-and-wait.ts', import.meta.url));
    const port = await freePort();
    const supervisor = spawn(process.execPath, ['--import', 'tsx', script, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pids: number[] = [];
    supervisor.stdout.on('data', (data: Buffer) => {
      for (const [, pid] of data.toString().matchAll(/pid (\d+)/g)) pids.push(Number(pid));
    });
    await until(() => pids.length === 2);
    expect(pids.filter(isAlive)).toHaveLength(2);
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    await until(() => pids.filter(isAlive).length === 0);
  });
});

async function grandchildPid(lines: string[]): Promise<number> {
  const find = () => lines.map((line) => /grandchild (\d+)/.exec(line)?.[1]).find((pid) => pid !== undefined);
  await until(() => find() !== undefined);
  return Number(find());
}
