import { randomUUID } from 'node:crypto';
import { eq, like } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewSession, Session } from '../../src/sessions/session.ts';
import { createSessionStore, KEPT_VERSIONS, type SessionStore } from '../../src/sessions/session-store.ts';
import { profiles, sessions as sessionRows } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../support/store.ts';

const limits = { SESSION_MAX_MINUTES: 60, SESSION_IDLE_MINUTES: 30, CHARLA_HOME: '/nowhere' };
const MINUTE_MS = 60_000;

let store: Store;
let sessions: SessionStore;
/** The clock of `later`, which is otherwise the same store. */
let clockMs = Date.UTC(2026, 0, 1);
let timed: SessionStore;

beforeAll(async () => {
  store = await openTestStore();
  sessions = createSessionStore(store, limits);
  timed = createSessionStore(store, limits, { now: () => new Date(clockMs) });
});
afterAll(() => store.close());

function newSession(changes: Partial<NewSession> = {}): NewSession {
  const id = randomUUID();
  const usual = { profile: 'browser', channel: 'browser', language: 'es', phone: null } as const;
  return { id, userId: 'ana', room: `charla-${id}`, ...usual, dataTools: {}, ...changes };
}

async function created(changes: Partial<NewSession> = {}, by = sessions): Promise<Session> {
  const session = await by.create(newSession(changes));
  if (session === undefined) throw new Error('the room is taken');
  return session;
}

describe('sessions', () => {
  it('are found by id and by room, as they were written', async () => {
    const data = { z: 1, a: { name: 'Ana\u0000 "x" \\ {}', emoji: '👋🏽', list: [null, true, 1.5e-7] } };
    const session = await created({ dataTools: data });
    expect(session).toMatchObject({ status: 'created', revision: 1, endedAt: null });
    expect(await sessions.get(session.id)).toEqual(session);
    expect(await sessions.getByRoom(session.room)).toEqual(session);
    expect(JSON.stringify((await sessions.get(session.id))?.dataTools)).toBe(JSON.stringify(data));
    expect(await sessions.get('nobody')).toBeUndefined();
  });

  it('that are created at once are each there, but for those whose room is taken', async () => {
    const taken = await created();
    const wanted = Array.from({ length: 150 }, (_, n) =>
      newSession({ dataTools: { n }, ...(n % 50 === 7 && { room: taken.room }) }),
    );
    const results = await Promise.all(wanted.map((one) => sessions.create(one)));
    for (const [n, { id }] of wanted.entries()) {
      expect(results[n]?.dataTools).toEqual(n % 50 === 7 ? undefined : { n });
      expect((await sessions.get(id))?.dataTools).toEqual(n % 50 === 7 ? undefined : { n });
    }
  });

  it('that the database cannot hold hurt no others that come at the same time', async () => {
    const wanted = [newSession(), newSession({ userId: 'zero\u0000byte' }), newSession()];
    const results = await Promise.allSettled(wanted.map((one) => sessions.create(one)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await sessions.get(wanted[2]?.id ?? '')).toBeDefined();
  });

  it('hold their room while they are open, and once they have ended take no change', async () => {
    const first = await created();
    expect(await sessions.create(newSession({ room: first.room }))).toBeUndefined();
    expect(await sessions.end(first.id)).toBe(true);
    expect(await sessions.getByRoom(first.room)).toBeUndefined();
    expect(await sessions.replaceDataTools(first.id, 1, {})).toBeUndefined();
    expect(await sessions.create(newSession({ room: first.room }))).toBeDefined();
  });

  it('are deleted with everything that hangs on them', async () => {
    const { id, room } = await created({ dataTools: { secret: 1 } });
    await sessions.replaceDataTools(id, 1, {});
    expect(await sessions.delete(id)).toBe(room);
    expect(await sessions.get(id)).toBeUndefined();
    expect(await sessions.listVersions(id)).toEqual([]);
    expect(await sessions.delete(id)).toBeUndefined();
  });
});

describe('data tools', () => {
  it('are counted with each change, and take none that was made for an older revision', async () => {
    const { id } = await created();
    expect(await sessions.replaceDataTools(id, 1, { a: 1 })).toMatchObject({
      revision: 2,
      dataTools: { a: 1 },
    });
    expect(await sessions.replaceDataTools(id, 1, { a: 2 })).toBeUndefined();
    expect(await sessions.get(id)).toMatchObject({ dataTools: { a: 1 }, revision: 2 });
  });

  it('keep the order of their keys through changes', async () => {
    const { id } = await created({ dataTools: { z: 1, a: 2 } });
    await sessions.replaceDataTools(id, 1, { b: 1, a: { z: 1, c: 2 }, 1: 'one' });
    expect(JSON.stringify((await sessions.get(id))?.dataTools)).toBe('{"1":"one","b":1,"a":{"z":1,"c":2}}');
    expect(JSON.stringify(await sessions.getVersion(id, 1))).toBe('{"z":1,"a":2}');
  });

  it(`are kept as they were, the last ${KEPT_VERSIONS} times`, async () => {
    const { id } = await created({ dataTools: { n: 1 } });
    for (let n = 1; n < KEPT_VERSIONS + 5; n += 1) await sessions.replaceDataTools(id, n, { n: n + 1 });
    const versions = await sessions.listVersions(id);
    expect(versions).toHaveLength(KEPT_VERSIONS);
    expect(versions[0]?.revision).toBe(KEPT_VERSIONS + 4);
    expect(await sessions.getVersion(id, KEPT_VERSIONS)).toEqual({ n: KEPT_VERSIONS });
    expect(await sessions.getVersion(id, 1)).toBeUndefined();
  });

  it('and what is told of their change are written together, or neither is', async () => {
    const { id } = await created();
    const told = createSessionStore(store, limits, {
      onUpdated: async (db, { revision }) => {
        const name = `${id} ${revision}`;
        await db.insert(profiles).values({ name, settings: {}, revision, updatedAt: new Date() });
        if (revision === 3) throw new Error('the outbox failed');
      },
    });
    expect((await told.replaceDataTools(id, 1, { a: 1 }))?.revision).toBe(2);
    await expect(told.replaceDataTools(id, 2, { a: 2 })).rejects.toThrow();
    expect(await sessions.get(id)).toMatchObject({ dataTools: { a: 1 }, revision: 2 });
    const rows = await store.query((db) =>
      db
        .select()
        .from(profiles)
        .where(like(profiles.name, `${id} %`)),
    );
    expect(rows.map(({ revision }) => revision)).toEqual([2]);
  });
});

describe('the life of a session', () => {
  it('goes from created to active to ended, and stays there', async () => {
    const { id } = await created();
    expect(await sessions.activate(id)).toBe(true);
    expect(await sessions.activate(id)).toBe(true);
    expect((await sessions.get(id))?.status).toBe('active');
    expect(await sessions.end(id)).toBe(true);
    const ended = await sessions.get(id);
    expect(ended?.status).toBe('ended');
    expect(ended?.endedAt).toBeInstanceOf(Date);
    expect([await sessions.activate(id), await sessions.end(id)]).toEqual([false, false]);
    expect(await sessions.get(id)).toEqual(ended);
  });

  it('is ended by one of many that try at once', async () => {
    const { id } = await created();
    const tries = await Promise.all(Array.from({ length: 8 }, () => sessions.end(id)));
    expect(tries.filter(Boolean)).toHaveLength(1);
  });

  it('expires when nobody has talked or asked for it for SESSION_IDLE_MINUTES', async () => {
    const asked = await created({}, timed);
    const forgotten = await created({}, timed);
    clockMs += 20 * MINUTE_MS;
    await timed.touch(asked.id);
    clockMs += 12 * MINUTE_MS;
    const expired = await timed.expire(1_000);
    expect(expired.map(({ id }) => id)).toEqual([forgotten.id]);
    expect(await timed.get(forgotten.id)).toMatchObject({ status: 'expired', endedAt: new Date(clockMs) });
    expect((await timed.get(asked.id))?.status).toBe('created');
  });

  it('expires SESSION_MAX_MINUTES after its start, whatever happens in it', async () => {
    const { id } = await created({}, timed);
    for (let minutes = 0; minutes < 60; minutes += 10) {
      expect((await timed.expire(1_000)).map((one) => one.id)).not.toContain(id);
      await timed.activate(id);
      clockMs += 10 * MINUTE_MS;
    }
    expect((await timed.expire(1_000)).map((one) => one.id)).toContain(id);
    expect((await timed.get(id))?.status).toBe('expired');
  });

  it('is ended once when several processes look for what has expired', async () => {
    const open = await Promise.all(Array.from({ length: 30 }, () => created({}, timed)));
    clockMs += 61 * MINUTE_MS;
    const found = await Promise.all(Array.from({ length: 4 }, () => timed.expire(1_000)));
    const ids = found.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(open.map(({ id }) => id)));
  });

  it('is noted at most once a minute', async () => {
    const { id } = await created({}, timed);
    const lastActive = async () => ((await timed.get(id))?.lastActiveAt.getTime() ?? 0) - clockMs;
    clockMs += 59_000;
    await timed.touch(id);
    expect(await lastActive()).toBe(-59_000);
    clockMs += 61_000;
    await timed.touch(id);
    expect(await lastActive()).toBe(0);
    clockMs += 30_000;
    await timed.touch(id);
    expect(await lastActive()).toBe(-30_000);
  });
});

describe('the list of sessions', () => {
  it('comes in pages, newest first, each session once', async () => {
    const userId = randomUUID();
    const ids: string[] = [];
    for (let n = 0; n < 25; n += 1) {
      // Several within the same millisecond.
      if (n % 5 === 0) clockMs += 1;
      ids.push((await created({ userId }, timed)).id);
    }
    const found: Session['id'][] = [];
    for (let after: { createdAt: Date; id: string } | undefined; ; ) {
      const page = await timed.list({ userId, limit: 7, after });
      found.push(...page.map(({ id }) => id));
      after = page.at(-1);
      if (page.length < 7) break;
    }
    expect(new Set(found)).toEqual(new Set(ids));
    expect(found).toHaveLength(ids.length);
    expect(found.slice(0, 5).sort()).toEqual(ids.slice(-5).sort());
  });

  it('can be of a status, a user, a profile, a channel and a time, and shows no data tools', async () => {
    const userId = randomUUID();
    clockMs += 1_000;
    const first = await created({ userId, profile: 'kiosk' }, timed);
    const from = new Date(clockMs);
    clockMs += 1_000;
    const second = await created({ userId, channel: 'phone', dataTools: { secret: 1 } }, timed);
    await timed.end(second.id);
    const ids = async (filter: object) =>
      (await timed.list({ userId, limit: 10, ...filter })).map(({ id }) => id);
    expect(await ids({})).toEqual([second.id, first.id]);
    expect(await ids({ status: 'ended' })).toEqual([second.id]);
    expect(await ids({ profile: 'kiosk' })).toEqual([first.id]);
    expect(await ids({ channel: 'phone' })).toEqual([second.id]);
    expect(await ids({ since: from })).toEqual([second.id, first.id]);
    expect(await ids({ since: new Date(from.getTime() + 1) })).toEqual([second.id]);
    expect(await ids({ until: from })).toEqual([]);
    expect(await ids({ userId: 'somebody else' })).toEqual([]);
    expect(JSON.stringify(await timed.list({ userId, limit: 10 }))).not.toContain('secret');
  });
});

describe('sessions in memory', () => {
  const cached = async (id: string) => (await sessions.getCached(id))?.dataTools;

  it('are what was written, by this process or by another, or past Charla', async () => {
    const elsewhere = createSessionStore(store, limits);
    const { id } = await created({ dataTools: { n: 1 } });
    expect(await cached(id)).toEqual({ n: 1 });
    await sessions.replaceDataTools(id, 1, { n: 2 });
    expect(await cached(id)).toEqual({ n: 2 });
    await elsewhere.replaceDataTools(id, 2, { n: 3 });
    await expect.poll(() => cached(id)).toEqual({ n: 3 });
    await elsewhere.end(id);
    await expect.poll(async () => (await sessions.getCached(id))?.status).toBe('ended');
    await store.query((db) => db.delete(sessionRows).where(eq(sessionRows.id, id)));
    await expect.poll(() => cached(id)).toBeUndefined();
  });

  it('are read from the store once', async () => {
    const { id } = await created();
    const twice = async () => [await sessions.getCached(id), await sessions.getCached(id)];
    await expect.poll(async () => new Set(await twice()).size).toBe(1);
  });
});
