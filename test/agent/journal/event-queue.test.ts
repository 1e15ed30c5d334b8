import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliverJournals } from '../../../src/agent/journal/deliver-journals.ts';
import { EventQueue, type EventQueueTimes } from '../../../src/agent/journal/event-queue.ts';
import { JournalFile, journalFolder } from '../../../src/agent/journal/journal-file.ts';
import { type CallStore, createCallStore } from '../../../src/calls/call-store.ts';
import { type Config, loadConfig } from '../../../src/config/config.ts';
import type { Store } from '../../../src/store/store.ts';
import { addSession, ended, started, turn } from '../../support/call-events.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from '../../support/faulty-proxy.ts';
import { logLines } from '../../support/log-lines.ts';
import { openTestStore } from '../../support/store.ts';
import { buildTestServer } from '../../support/test-server.ts';

const QUICK: EventQueueTimes = { retryMs: 5, inMemoryMs: 1_000, closeMs: 20_000 };
/** However slow this machine is. */
const JUST_NOW = '2100-01-01T00:00:00.000Z';
/** So that the API asks who is there. */
const keys = {
  NODE_ENV: 'test',
  HOST: '0.0.0.0',
  LIVEKIT_API_KEY: 'testkey',
  LIVEKIT_API_SECRET: 'a-secret-of-the-tests-on-loopback-only',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
};

let store: Store;
let calls: CallStore;
let app: FastifyInstance;
let proxy: FaultyProxy;
let home: string;
let env: Record<string, string>;
let config: Config;
let lines: ReturnType<typeof logLines>;

beforeAll(async () => {
  store = await openTestStore();
  calls = createCallStore(store);
  await addSession(store, 's1', 'ana');
  app = await buildTestServer({ config: loadConfig(keys), store });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await startFaultyProxy(`http://127.0.0.1:${address.port}`);
});
afterAll(async () => {
  await proxy?.close();
  await app?.close();
  await store?.close();
});
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'charla-journal-'));
  env = { ...keys, CHARLA_HOME: home, API_URL: proxy.url };
  config = loadConfig(env);
  proxy.fault = 'ok';
  proxy.only = undefined;
  lines = logLines();
});
afterEach(() => rm(home, { recursive: true }));

const texts = async (id: string) => (await calls.get(id))?.turns.map(({ text }) => text) ?? [];
const files = () => readdir(journalFolder(config)).catch(() => []);
const fileOf = (id: string) => join(journalFolder(config), `${id}.jsonl`);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => `t${index + 1}`);

describe('events of a call', () => {
  it('reach its history in order, with the token of an agent, and leave nothing on disk', async () => {
    const queue = new EventQueue(config, 'c1', lines.log, QUICK);
    queue.write(started('s1'));
    for (const text of upTo(250)) queue.write(turn('user', text));
    queue.write(ended());
    await queue.close();
    expect(await texts('c1')).toEqual(upTo(250));
    expect((await calls.get('c1'))?.outcome).toBe('participant_disconnected');
    expect(await files()).toEqual([]);
  });

  it('go to the next address when the first one is away', async () => {
    const two = loadConfig({ ...env, API_URL: `http://127.0.0.1:9,${proxy.url}` });
    const queue = new EventQueue(two, 'c2', lines.log, QUICK);
    queue.write(started('s1'));
    queue.write(turn('user', 't1'));
    await queue.close();
    expect(await texts('c2')).toEqual(['t1']);
  });

  it('go in requests that the API takes, however much was said', async () => {
    const long = 'ñ'.repeat(32_000);
    proxy.fault = 'down';
    const queue = new EventQueue(config, 'c7', lines.log, { ...QUICK, inMemoryMs: 60_000 });
    queue.write(started('s1'));
    for (let number = 0; number < 12; number += 1) queue.write(turn('user', long));
    proxy.fault = 'ok';
    await queue.close();
    expect(await texts('c7')).toEqual(Array.from({ length: 12 }, () => long));
  });

  it('that are not valid are left out, and those after them are not', async () => {
    const queue = new EventQueue(config, 'c8', lines.log, QUICK);
    queue.write(started('s1'));
    queue.write(turn('user', 'un secreto', { interrupted_at_ms: -1 }));
    queue.write(turn('user', 't2'));
    await queue.close();
    expect(await texts('c8')).toEqual(['t2']);
    expect(lines.lines.join()).toContain('interrupted_at_ms');
    expect(lines.lines.join()).not.toContain('secreto');
  });

  it('are refused for good when their session is gone, said once, and forgotten', async () => {
    const queue = new EventQueue(config, 'c3', lines.log, QUICK);
    queue.write(started('nobody'));
    queue.write(turn('user', 'un secreto'));
    await expect.poll(() => lines.lines.join()).toContain('CHARLA_SESSION_NOT_FOUND');
    const before = proxy.bodies.length;
    queue.write(turn('user', 'otro'));
    await queue.close();
    expect(proxy.bodies).toHaveLength(before);
    expect(await files()).toEqual([]);
    expect(lines.lines.join()).not.toContain('secreto');
  });

  it('wait for their session, which may be written a moment after the call begins', async () => {
    const queue = new EventQueue(config, 'c9', lines.log, QUICK);
    queue.write({ ...started('late-1'), at: JUST_NOW });
    queue.write(turn('user', 't1'));
    const before = proxy.bodies.length;
    await expect.poll(() => proxy.bodies.length).toBeGreaterThan(before + 2);
    await addSession(store, 'late-1', 'ana');
    await expect.poll(() => texts('c9')).toEqual(['t1']);
    await queue.close();
    expect(await files()).toEqual([]);
  });

  it('wait in their file for a session that was not there before the call was over', async () => {
    const queue = new EventQueue(config, 'c10', lines.log, QUICK);
    queue.write({ ...started('late-2'), at: JUST_NOW });
    queue.write(ended());
    await queue.close();
    expect(await files()).toEqual(['c10.jsonl']);
    await deliverJournals(config, lines.log);
    expect(await files()).toEqual(['c10.jsonl']);
    await addSession(store, 'late-2', 'ana');
    await deliverJournals(config, lines.log);
    expect((await calls.get('c10'))?.outcome).toBe('participant_disconnected');
    expect(await files()).toEqual([]);
  });

  it('go into a file that only we may read while no API answers, and from there into the history', async () => {
    proxy.fault = '503';
    const queue = new EventQueue(config, 'c4', lines.log, { ...QUICK, inMemoryMs: 0 });
    queue.write(started('s1'));
    queue.write(turn('user', 't1'));
    await expect.poll(() => readFile(fileOf('c4'), 'utf8').catch(() => '')).toContain('t1');
    expect((await stat(fileOf('c4'))).mode & 0o777).toBe(0o600);
    expect((await stat(journalFolder(config))).mode & 0o777).toBe(0o700);
    proxy.fault = 'ok';
    await expect.poll(() => texts('c4')).toEqual(['t1']);
    await expect.poll(files).toEqual([]);
    queue.write(turn('assistant', 't2'));
    await queue.close();
    expect(await texts('c4')).toEqual(['t1', 't2']);
  });

  it('wait in memory while the API is away for a moment', async () => {
    proxy.fault = 'down';
    const queue = new EventQueue(config, 'c5', lines.log, { ...QUICK, inMemoryMs: 60_000 });
    queue.write(started('s1'));
    queue.write(turn('user', 't1'));
    const before = proxy.bodies.length;
    await expect.poll(() => proxy.bodies.length).toBeGreaterThan(before + 2);
    expect(await files()).toEqual([]);
    proxy.fault = 'ok';
    await expect.poll(() => texts('c5')).toEqual(['t1']);
    await queue.close();
  });

  it('wait in memory when there is no file either, as many as it may hold, and the end of the call always', async () => {
    await writeFile(join(home, 'journal'), 'in the way');
    proxy.fault = '503';
    const queue = new EventQueue(config, 'c6', lines.log, { ...QUICK, inMemoryMs: 0 });
    queue.write(started('s1'));
    for (const text of upTo(1_100)) queue.write(turn('user', text));
    queue.write(ended());
    await expect.poll(() => lines.lines.join()).toContain('cannot be written to a file');
    proxy.fault = 'ok';
    await queue.close();
    expect(await texts('c6')).toEqual(upTo(999));
    expect((await calls.get('c6'))?.outcome).toBe('participant_disconnected');
    expect(lines.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ events: 101, msg: 'events of the call were lost' }),
    );
  });

  it('are each in the history once, in order, whatever fails on their way', async () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ fault: fc.constantFrom<Fault>('ok', '503', 'down', 'answer lost') }),
      fc.record({ restMs: fc.integer({ min: 0, max: 15 }) }),
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, filesAtOnce) => {
        run += 1;
        const id = `random-${run}`;
        proxy.fault = 'ok';
        const times = { retryMs: 2, inMemoryMs: filesAtOnce ? 0 : 10, closeMs: 100 };
        const queue = new EventQueue(config, id, lines.log, times);
        queue.write(started('s1'));
        let written = 0;
        for (const one of steps) {
          if ('fault' in one) proxy.fault = one.fault;
          else if ('restMs' in one) await sleep(one.restMs);
          else {
            for (let count = 0; count < one.write; count += 1) {
              written += 1;
              queue.write(turn('user', `t${written}`));
            }
          }
        }
        queue.write(ended());
        await queue.close();
        proxy.fault = 'ok';
        await deliverJournals(config, lines.log);
        expect(await texts(id)).toEqual(upTo(written));
        expect((await calls.get(id))?.outcome).toBe('participant_disconnected');
        expect(await files()).toEqual([]);
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});

describe('what a call left behind', () => {
  /** As after its lock has not been renewed for long. */
  const grow = async (id: string) => {
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${fileOf(id)}.lock`, longAgo, longAgo);
  };

  it('when its process was killed is delivered by a worker, once it is sure that nobody has it', async () => {
    proxy.fault = 'down';
    const script = join(import.meta.dirname, 'fixtures/write-and-wait.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', script, 'k1', 's1', '5'], {
      env: { ...process.env, ...env },
      stdio: 'inherit',
    });
    try {
      await expect
        .poll(() => readFile(fileOf('k1'), 'utf8').catch(() => ''), { timeout: 20_000 })
        .toContain('t5');
      proxy.fault = '503';
      await deliverJournals(config, lines.log);
    } finally {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    proxy.fault = 'ok';
    await deliverJournals(config, lines.log);
    expect(await texts('k1')).toEqual([]);
    await grow('k1');
    // Two workers of one machine at once.
    await Promise.all([deliverJournals(config, lines.log), deliverJournals(config, lines.log)]);
    expect(await texts('k1')).toEqual(upTo(5));
    expect(await files()).toEqual([]);
  });

  it('stays while no API answers, and after a line that broke off', async () => {
    const file = new JournalFile(config, 'k2');
    await file.append([{ ...started('s1'), number: 1 }]);
    await file.append([{ ...turn('user', 't1'), number: 2 }]);
    await file.release();
    await appendFile(fileOf('k2'), '{"number":3,"ty');
    proxy.fault = '503';
    await deliverJournals(config, lines.log);
    expect(await files()).toEqual(['k2.jsonl']);
    proxy.fault = 'ok';
    await deliverJournals(config, lines.log);
    expect(await texts('k2')).toEqual(['t1']);
    expect(await files()).toEqual([]);
  });

  it('is dropped when the API refuses it, or nobody took it for a week', async () => {
    const refused = new JournalFile(config, 'k3');
    await refused.append([{ ...started('nobody'), number: 1 }]);
    await refused.release();
    await deliverJournals(config, lines.log);
    expect(await files()).toEqual([]);

    proxy.fault = '503';
    const old = new JournalFile(config, 'k4');
    await old.append([{ ...started('s1'), number: 1 }]);
    await old.release();
    await deliverJournals(config, lines.log);
    expect(await files()).toEqual(['k4.jsonl']);
    const weekAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
    await utimes(fileOf('k4'), weekAgo, weekAgo);
    await deliverJournals(config, lines.log);
    expect(await files()).toEqual([]);
  });

  it('does not wait behind the events of another call that the API does not take now', async () => {
    for (const id of ['k6', 'k7']) {
      const file = new JournalFile(config, id);
      await file.append([{ ...started('s1'), number: 1 }]);
      await file.append([{ ...turn('user', 't1'), number: 2 }]);
      await file.release();
    }
    proxy.fault = '503';
    proxy.only = 'k6';
    await deliverJournals(config, lines.log);
    expect(await texts('k7')).toEqual(['t1']);
    expect(await files()).toEqual(['k6.jsonl']);
  });

  it('is dropped after a week though a younger one stands before it and no API answers', async () => {
    for (const id of ['k8', 'k9']) {
      const file = new JournalFile(config, id);
      await file.append([{ ...started('s1'), number: 1 }]);
      await file.release();
    }
    const weekAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
    await utimes(fileOf('k9'), weekAgo, weekAgo);
    proxy.fault = 'down';
    await deliverJournals(config, lines.log);
    expect(await files()).toEqual(['k8.jsonl']);
  });

  it('is of no interest to the workers of another deployment in the same folder', async () => {
    const file = new JournalFile(config, 'k5');
    await file.append([{ ...started('s1'), number: 1 }]);
    await file.release();
    await deliverJournals(loadConfig({ ...env, AGENT_NAME: 'another' }), lines.log);
    expect(await files()).toEqual(['k5.jsonl']);
  });
});
