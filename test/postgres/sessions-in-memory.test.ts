import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import type { Session } from '../../src/sessions/session.ts';
import { createSessionStore } from '../../src/sessions/session-store.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startDeafPooler } from '../support/deaf-pooler.ts';
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts';

const limits = { SESSION_MAX_MINUTES: 60, SESSION_IDLE_MINUTES: 30, CHARLA_HOME: '/nowhere' };
/** It is ended as by a crash, and what was written is to be there afterwards. */
const KEPT = ['synchronous_commit=on'];
const stores: Store[] = [];
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.stop();
  await postgres.start(KEPT);
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await postgres?.remove();
});

/** Of a process of its own. */
async function openSessions(url = postgres.url) {
  const store = await openReadyStore(loadConfig({ DATABASE_URL: url }), createLogger('test', 'fatal'));
  stores.push(store);
  return createSessionStore(store, limits);
}

const usual = { profile: 'browser', channel: 'browser', language: 'es', phone: null } as const;

it('what another server changes is seen, before and after the database was away', async () => {
  const [here, there] = [await openSessions(), await openSessions()];
  await here.create({ id: 'one', userId: 'ana', room: 'one', ...usual, dataTools: { n: 1 } });
  const kept = async () => (await here.getCached('one'))?.dataTools;
  const inMemory = async () => {
    const read: (Session | undefined)[] = [await here.getCached('one'), await here.getCached('one')];
    return read[0] === read[1];
  };
  await expect.poll(inMemory, { timeout: 20_000 }).toBe(true);

  await there.replaceDataTools('one', 1, { n: 2 });
  await expect.poll(kept).toEqual({ n: 2 });
  await expect.poll(inMemory).toBe(true);

  await postgres.stop();
  // It cannot be heard now: nothing is answered from memory that may have changed.
  await expect.poll(() => kept().catch(() => 'away'), { timeout: 20_000 }).toBe('away');
  await postgres.start(KEPT);
  await expect.poll(() => kept().catch(() => 'away'), { timeout: 20_000 }).toEqual({ n: 2 });
  await there.replaceDataTools('one', 2, { n: 3 });
  await expect.poll(kept).toEqual({ n: 3 });
  await expect.poll(inMemory, { timeout: 20_000 }).toBe(true);
  await there.replaceDataTools('one', 3, { n: 4 });
  await expect.poll(kept).toEqual({ n: 4 });
}, 60_000);

it('what another server changes is seen behind a pooler that passes no notification on', async () => {
  const pooler = await startDeafPooler(postgres.url);
  const [here, there] = [await openSessions(pooler.url), await openSessions()];
  await here.create({ id: 'two', userId: 'ana', room: 'two', ...usual, dataTools: { n: 1 } });
  let revision = 1;
  const change = async () => {
    await there.replaceDataTools('two', revision, { n: revision + 1 });
    revision += 1;
  };
  const listens = async () => {
    await here.getCached('two');
    await change();
    return pooler.withheld;
  };
  await expect.poll(listens, { timeout: 20_000 }).toBeGreaterThan(0);
  for (let round = 0; round < 20; round += 1) {
    await here.getCached('two');
    await change();
    expect((await here.getCached('two'))?.dataTools).toEqual({ n: revision });
  }
  pooler.close();
}, 60_000);
