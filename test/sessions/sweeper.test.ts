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
  closed = [];
  lost = [];
});

function sweeper(changes: Partial<SweeperOptions> = {}) {
  return createSweeper({
    sessions,
    log,
    closeRoom: async ({ room }) => void closed.push(room),
    openRooms: async (asked) => new Set(asked.filter((room) => rooms.has(room))),
    onLost: async ({ id }: SessionSummary) => void lost.push(id),
    now,
    ...changes,
  });
}

async function start(): Promise<string> {
  const id = randomUUID();
  const usual = { profile: 'browser', channel: 'browser', language: 'es' } as const;
  await sessions.create({ id, userId: 'ana', room: id, ...usual, dataTools: {} });
  rooms.add(id);
  return id;
}

const statusOf = async (id: string) => (await sessions.get(id))?.status;

it('expires what is over its limits and closes its room, once for all processes', async () => {
  const ids = await Promise.all(Array.from({ length: 120 }, start));
  clockMs += 32 * MINUTE_MS;
  const fresh = await start();
  await Promise.all([sweeper().sweep(), sweeper().sweep()]);
  expect(closed.toSorted()).toEqual(ids.toSorted());
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
