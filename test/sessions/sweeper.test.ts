import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SessionSummary } from '../../src/sessions/session.ts';
import { createSessionStore, type SessionStore } from '../../src/sessions/session-store.ts';
import { createSweeper, type SweeperOptions } from '../../src/sessions/sweeper.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { openTestStore } from '../support/store.ts';

const MINUTE_MS = 60_000;
const log = createLogger('test', 'fatal');
let store: Store;
let sessions: SessionStore;
let clockMs = Date.UTC(2026, 0, 1);
const now = () => new Date(clockMs);
const rooms = new Set<string>();
let closed: string[] = [];
let lost: string[] = [];

beforeAll(async () => {
  store = await openTestStore();
  sessions = createSessionStore(
    store,
    { SESSION_MAX_MINUTES: 600, SESSION_IDLE_MINUTES: 30, CHARLA_HOME: '/nowhere' },
    { now },
  );
});
afterAll(() => store.close());
beforeEach(() => {
  rooms.clear();
  closed = [];
  lost = [];
});

function sweeper(changes: Partial<SweeperOptions> = {}) {
  return createSweeper({
    sessions,
    log,
    closeRoom: async ({ room }) => {
      rooms.delete(room);
      closed.push(room);
    },
    openRooms: async (asked) => new Set(asked.filter((room) => rooms.has(room))),
    onLost: async ({ id }: SessionSummary) => void lost.push(id),
    now,
    ...changes,
  });
}

async function start(): Promise<string> {
  const id = randomUUID();
  const usual = { profile: 'browser', channel: 'browser', language: 'es', phone: null } as const;
  await sessions.create({ id, userId: 'ana', room: id, ...usual, dataTools: {} });
  rooms.add(id);
  return id;
}

const statusOf = async (id: string) => (await sessions.get(id))?.status;

it('expires what is over its limits and closes its room', async () => {
  const ids = await Promise.all(Array.from({ length: 120 }, start));
  clockMs += 32 * MINUTE_MS;
  const fresh = await start();
  await Promise.all([sweeper().sweep(), sweeper().sweep()]);
  expect(new Set(closed)).toEqual(new Set(ids));
  expect(await statusOf(ids[0] ?? '')).toBe('expired');
  expect(await statusOf(fresh)).toBe('created');
});

it('ends active sessions whose room is gone, and tells of their calls', async () => {
  const [gone, there, waiting] = [await start(), await start(), await start()];
  await sessions.activate(gone);
  await sessions.activate(there);
  rooms.delete(gone);
  rooms.delete(waiting);
  await sweeper().sweep();
  expect(await statusOf(gone)).toBe('active');
  clockMs += 2 * MINUTE_MS;
  await sweeper().sweep();
  expect([await statusOf(gone), await statusOf(there), await statusOf(waiting)]).toEqual([
    'ended',
    'active',
    'created',
  ]);
  expect(lost).toEqual([gone]);
});

it('ends nothing while LiveKit cannot be asked, and catches up afterwards', async () => {
  const id = await start();
  await sessions.activate(id);
  rooms.delete(id);
  clockMs += 3 * MINUTE_MS;
  const openRooms = () => Promise.reject(new Error('away'));
  await expect(sweeper({ openRooms }).sweep()).rejects.toThrow('away');
  expect(await statusOf(id)).toBe('active');
  let caughtUp = 0;
  const catchUp = async () => {
    caughtUp += 1;
  };
  await sweeper({ catchUp }).sweep();
  expect([await statusOf(id), caughtUp]).toEqual(['ended', 1]);
});

it('closes rooms that whoever ended their sessions left open', async () => {
  const [left, over] = [await start(), await start()];
  await Promise.all([left, over].map((id) => sessions.end(id)));
  rooms.delete(over);
  clockMs += 50 * MINUTE_MS;
  let isAway = false;
  const process = sweeper({
    async closeRoom({ room }) {
      if (isAway) throw new Error('away');
      rooms.delete(room);
      closed.push(room);
    },
  });
  await process.sweep();
  expect(closed).toEqual([left]);
  // However long LiveKit is away.
  const later = await start();
  await sessions.end(later);
  isAway = true;
  await expect(process.sweep()).rejects.toThrow('away');
  clockMs += 300 * MINUTE_MS;
  isAway = false;
  await process.sweep();
  expect(closed).toEqual([left, later]);
});

it('expires sessions before it does what is left to do for rooms, which may take long', async () => {
  const id = await start();
  clockMs += 32 * MINUTE_MS;
  let status: string | undefined;
  const catchUp = async () => {
    status = await statusOf(id);
  };
  await sweeper({ catchUp }).sweep();
  expect(status).toBe('expired');
});

it('does no more than it has begun when it is closed, and leaves the rest to the next', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, start));
  clockMs += 32 * MINUTE_MS;
  const asked: string[] = [];
  const stopped = sweeper({
    closeRoom: async ({ room }) => {
      asked.push(room);
      await stopped.close();
    },
  });
  await stopped.sweep();
  expect(asked).toHaveLength(1);
  expect(await Promise.all(ids.map(statusOf))).toEqual(ids.map(() => 'expired'));
  await sweeper().sweep();
  expect(new Set(closed)).toEqual(new Set(ids));
});
