import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import { deleteOld, startRetention } from '../../src/store/retention.ts';
import { calls, recordings, sessions, turns, webhookOutbox } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { createTestPlace, type TestPlace } from '../support/store.ts';

const log = createLogger('test', 'silent');
const NOW = new Date('2026-05-01T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000);

let place: TestPlace;
let store: Store;
let home: string;

beforeAll(async () => {
  place = await createTestPlace();
  home = place.env.CHARLA_HOME;
  store = await openReadyStore(loadConfig(place.env), log);
});
afterAll(async () => {
  await store.close();
  await place.remove();
});
beforeEach(() => store.query((db) => db.delete(sessions)));

async function addSessions(...ages: { id: string; endedAt: Date | null }[]) {
  const rows = ages.map(({ id, endedAt }) => ({
    id,
    userId: 'ana',
    room: `room-${id}`,
    profile: 'browser',
    channel: 'browser',
    language: 'es' as const,
    status: endedAt === null ? ('active' as const) : ('ended' as const),
    dataTools: {},
    revision: 1,
    createdAt: daysAgo(90),
    lastActiveAt: daysAgo(90),
    expiresAt: daysAgo(89),
    endedAt,
  }));
  await store.query((db) => db.insert(sessions).values(rows));
}

/** A call with a turn and a recording, whose file is there. */
async function addCall(sessionId: string, file: string) {
  const id = `call-${sessionId}`;
  await mkdir(join(home, 'recordings'), { recursive: true });
  if (!file.startsWith('..')) await writeFile(join(home, file), 'sound');
  await store.query((db) =>
    db.transaction(async (tx) => {
      await tx.insert(calls).values({ id, sessionId, startedAt: daysAgo(90), lastEvent: 1 });
      await tx.insert(turns).values({
        callId: id,
        number: 1,
        role: 'user',
        text: 'hola',
        at: daysAgo(90),
        interrupted: false,
        latencies: {},
        tools: [],
      });
      const sound = { bytes: 5, durationMs: 10, createdAt: daysAgo(90) };
      await tx.insert(recordings).values({ id: `sound-${sessionId}`, callId: id, file, ...sound });
    }),
  );
}

const idsLeft = async () =>
  (await store.query((db) => db.select({ id: sessions.id }).from(sessions))).map(({ id }) => id).toSorted();
const run = (RETENTION_DAYS = 30, signal?: AbortSignal) =>
  deleteOld(store, {
    config: { RETENTION_DAYS, CHARLA_HOME: home },
    now: NOW,
    log,
    ...(signal && { signal }),
  });
const isThere = (file: string) =>
  access(join(home, file)).then(
    () => true,
    () => false,
  );

describe('retention', () => {
  it('deletes sessions that ended longer ago, with all that hangs on them, and no others', async () => {
    await addSessions(
      { id: 'old', endedAt: daysAgo(30.01) },
      { id: 'recent', endedAt: daysAgo(29.99) },
      { id: 'open', endedAt: null },
    );
    await addCall('old', 'recordings/old.ogg');
    await addCall('recent', 'recordings/recent.ogg');
    expect(await run()).toEqual({ sessions: 1, webhooks: 0 });
    expect(await idsLeft()).toEqual(['open', 'recent']);
    const left = await store.query((db) => db.select({ callId: turns.callId }).from(turns));
    expect(left).toEqual([{ callId: 'call-recent' }]);
    expect([await isThere('recordings/old.ogg'), await isThere('recordings/recent.ogg')]).toEqual([
      false,
      true,
    ]);
    expect(await run()).toEqual({ sessions: 0, webhooks: 0 });
  });

  it('deletes any number of them, also of one moment', async () => {
    await addSessions(
      ...Array.from({ length: 350 }, (_, index) => ({
        id: `s${index}`,
        endedAt: index < 250 ? daysAgo(40) : daysAgo(40 + index),
      })),
      { id: 'recent', endedAt: daysAgo(1) },
    );
    expect(await run()).toEqual({ sessions: 350, webhooks: 0 });
    expect(await idsLeft()).toEqual(['recent']);
  });

  it('is no harm when several servers do it at once', async () => {
    await addSessions(
      ...Array.from({ length: 500 }, (_, index) => ({ id: `s${index}`, endedAt: daysAgo(31 + index) })),
    );
    const done = await Promise.all([run(), run(), run()]);
    expect(done.reduce((sum, deleted) => sum + deleted.sessions, 0)).toBe(500);
    expect(await idsLeft()).toEqual([]);
  });

  it('keeps a session whose recording cannot be deleted, and deletes the others', async () => {
    await addSessions({ id: 'outside', endedAt: daysAgo(50) }, { id: 'well', endedAt: daysAgo(40) });
    await addCall('outside', '../elsewhere.ogg');
    await addCall('well', 'recordings/well.ogg');
    expect(await run()).toEqual({ sessions: 1, webhooks: 0 });
    expect(await idsLeft()).toEqual(['outside']);
  });

  it('deletes a session whose recording is gone already', async () => {
    await addSessions({ id: 'old', endedAt: daysAgo(50) });
    await addCall('old', 'recordings/lost.ogg');
    await rm(join(home, 'recordings/lost.ogg'));
    expect(await run()).toEqual({ sessions: 1, webhooks: 0 });
  });

  it('deletes webhooks of that age that were given up, and none that still wait', async () => {
    await addSessions({ id: 'open', endedAt: null });
    const webhook = (id: string, createdAt: Date, givenUpAt: Date | null) => ({
      id,
      url: 'https://example.com/hooks',
      type: 'session.updated',
      sessionId: 'open',
      payload: {},
      createdAt,
      givenUpAt,
      attempts: 9,
      nextAttemptAt: createdAt,
    });
    await store.query((db) =>
      db
        .insert(webhookOutbox)
        .values([
          webhook('old', daysAgo(31), daysAgo(28)),
          webhook('new', daysAgo(29), daysAgo(26)),
          webhook('waits', daysAgo(31), null),
        ]),
    );
    expect(await run()).toEqual({ sessions: 0, webhooks: 1 });
    const left = await store.query((db) => db.select({ id: webhookOutbox.id }).from(webhookOutbox));
    expect(left.map(({ id }) => id).toSorted()).toEqual(['new', 'waits']);
  });

  it('stops between batches when the server stops', async () => {
    await addSessions({ id: 'old', endedAt: daysAgo(50) });
    expect(await run(30, AbortSignal.abort())).toMatchObject({ sessions: 0 });
    expect(await idsLeft()).toEqual(['old']);
  });

  it('runs when a server starts, and with 0 days never', async () => {
    await addSessions({ id: 'old', endedAt: new Date(0) });
    await startRetention(store, { RETENTION_DAYS: 0, CHARLA_HOME: home }, log)();
    expect(await idsLeft()).toEqual(['old']);
    const stop = startRetention(store, { RETENTION_DAYS: 30, CHARLA_HOME: home }, log);
    await expect.poll(idsLeft).toEqual([]);
    await stop();
  });
});
