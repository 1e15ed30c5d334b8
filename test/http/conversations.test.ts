import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createPlacedCalls } from '../../src/calls/placed-calls.ts';
import { createConversations } from '../../src/http/conversations.ts';
import { createRoomUpkeep } from '../../src/http/room-upkeep.ts';
import { createTurns } from '../../src/http/turns.ts';
import { AgentWatch } from '../../src/rooms/agent-watch.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { encodeRoomMetadata, parseRoomMetadata } from '../../src/rooms/metadata.ts';
import { openRoom } from '../../src/rooms/open-room.ts';
import { createProfileStore } from '../../src/sessions/profile-store.ts';
import { createSessionStore } from '../../src/sessions/session-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const log = createLogger('test', 'fatal');
let server: TestLivekitServer;
let livekit: LiveKit;
let store: Store;

beforeAll(async () => {
  server = await startLivekitServer();
  livekit = createLiveKit(testConfig(server));
  store = await openTestStore();
});
afterAll(async () => {
  await store?.close();
  await server?.stop();
});

function build(askHook: (userId: string) => Promise<void> = async () => undefined) {
  const config = testConfig(server);
  const sessions = createSessionStore(store, config);
  const watch = new AgentWatch(livekit, config.AGENT_NAME, log);
  const inTurn = createTurns();
  const conversations = createConversations({
    config,
    livekit,
    sessions,
    profiles: createProfileStore(store),
    placed: createPlacedCalls(store),
    watch,
    upkeep: createRoomUpkeep({ livekit, sessions, log, inTurn }),
    hookData: {
      initial: async ({ userId }, { dataTools }) => {
        await askHook(userId);
        return { dataTools };
      },
      follow: () => undefined,
    },
    inTurn,
  });
  return { conversations, sessions, watch };
}

async function sessionIn(room: string) {
  const [found] = await livekit.request(({ rooms }) => rooms.listRooms([room]));
  return found === undefined ? undefined : parseRoomMetadata(found.metadata)?.session;
}

it('nobody waits for the hook of somebody else who names no room', async () => {
  let answer = () => {};
  const anasHook = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let isAsked = false;
  const { conversations, watch } = build(async (userId) => {
    if (userId !== 'ana' || isAsked) return;
    isAsked = true;
    await anasHook;
  });
  const ana = conversations.joinDefault({ userId: 'ana' });
  await vi.waitUntil(() => isAsked);
  const luis = await conversations.joinDefault({ userId: 'luis' });
  answer();
  expect(luis.room).toBe('charla');
  const [mine, theirs] = [await sessionIn((await ana).room), await sessionIn(luis.room)];
  expect([mine?.userId, theirs?.userId]).toEqual(['ana', 'luis']);
  expect((await ana).room).not.toBe('charla');
  await conversations.end(luis.id);
  await conversations.end((await ana).id);
  watch.close();
});

it.each(['join', 'joinDefault'] as const)(
  '%s: a room that is still open from an earlier session is opened anew',
  async (way) => {
    const { conversations, sessions, watch } = build();
    const enter = (userId: string) =>
      way === 'join' ? conversations.join({ userId, room: 'again' }) : conversations.joinDefault({ userId });
    const first = await enter('ana');
    const sidOf = async () => (await livekit.request(({ rooms }) => rooms.listRooms([first.room])))[0]?.sid;
    const sid = await sidOf();
    // As by a process that was killed before it closed the room.
    await sessions.end(first.id);
    const second = await enter('ana');
    expect(second.id).not.toBe(first.id);
    expect((await sessionIn(second.room))?.id).toBe(second.id);
    expect(await sidOf()).not.toBe(sid);
    await conversations.end(second.id);
    watch.close();
  },
);

it('a session is not taken for left behind while a server whose clock is behind opens its room', async () => {
  const { conversations, sessions, watch } = build();
  const usual = { profile: 'browser', channel: 'browser', language: 'es' } as const;
  const now = () => new Date(Date.now() - 30_000);
  const behind = createSessionStore(store, testConfig(server), { now });
  await behind.create({ id: 'anas', userId: 'ana', room: 'slow', ...usual, phone: null, dataTools: {} });
  const luis = conversations.join({ userId: 'luis', room: 'slow' });
  await sleep(200);
  const metadata = encodeRoomMetadata({ session: { id: 'anas', userId: 'ana', ...usual }, dataTools: {} });
  await openRoom(livekit, { room: 'slow', metadata, agentName: 'charla' });
  expect((await luis).id).toBe('anas');
  expect((await sessions.get('anas'))?.status).toBe('created');
  await conversations.end('anas');
  watch.close();
});

it('the store stays open until a sweep is over', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const order: string[] = [];
    // Of the sweep, and of the look for callers whom no worker took.
    const releases: (() => void)[] = [];
    let isHanging = false;
    const slow: LiveKit = {
      async request(operation, options) {
        if (!isHanging) return livekit.request(operation, options);
        order.push('asked');
        await new Promise<void>((resolve) => {
          releases.push(resolve);
        });
        order.push('answered');
        return livekit.request(operation, options);
      },
    };
    const app: FastifyInstance = await buildTestServer({ config: testConfig(server), livekit: slow, store });
    app.addHook('onClose', async () => void order.push('the store closes'));
    const payload = { user_id: 'ana' };
    const start = await app.inject({ method: 'POST', url: '/session/start', payload });
    await app.inject({ method: 'POST', url: `/sessions/${start.json().session_id}/end` });
    await app.listen({ host: '127.0.0.1', port: 0 });
    isHanging = true;
    vi.advanceTimersByTime(60_000);
    await vi.waitUntil(() => releases.length === 2);
    const closing = app.close();
    await sleep(50);
    isHanging = false;
    for (const release of releases) release();
    await closing;
    expect(order).toEqual(['asked', 'asked', 'answered', 'answered', 'the store closes']);
  } finally {
    vi.useRealTimers();
  }
});
