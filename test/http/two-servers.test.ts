import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { parseRoomMetadata } from '../../src/rooms/metadata.ts';
import { mergeDataTools } from '../../src/sessions/data-tools.ts';
import type { Store } from '../../src/store/store.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

let livekit: TestLivekitServer;
let api: LiveKit;
let store: Store;
let servers: FastifyInstance[];

beforeAll(async () => {
  livekit = await startLivekitServer();
  store = await openTestStore();
  const config = testConfig(livekit);
  api = createLiveKit(config);
  servers = [await buildTestServer({ config, store }), await buildTestServer({ config, store })];
});
afterAll(async () => {
  for (const app of servers ?? []) await app.close();
  await store?.close();
  await livekit?.stop();
});

function server(index: number): FastifyInstance {
  const app = servers[index];
  if (app === undefined) throw new Error(`there is no server ${index}`);
  return app;
}

async function metadataOf(room: string) {
  const [found] = await api.request(({ rooms }) => rooms.listRooms([room]));
  return found === undefined ? undefined : parseRoomMetadata(found.metadata);
}

const key = fc.constantFrom('a', 'b', 'c');
const leaf = fc.oneof(fc.constant(null), fc.integer(), fc.string());
const patch = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)), { noNullPrototype: true });
const change = fc.record({
  server: fc.integer({ min: 0, max: 1 }),
  delayMs: fc.integer({ min: 0, max: 4 }),
  patch,
});

describe('two servers on one store', () => {
  it('lose no change of many at the same time: the outcome is that of some order of them', async () => {
    const property = fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 8 }), async (changes) => {
      const start = await server(0).inject({
        method: 'POST',
        url: '/session/start',
        payload: { user_id: 'ana', data_tools: { a: { b: 0 } } },
      });
      const { session_id, room } = start.json<{ session_id: string; room: string }>();
      const url = `/session/${session_id}/data-tools`;
      const done = await Promise.all(
        changes.map(async ({ server: index, delayMs, patch: payload }) => {
          await sleep(delayMs);
          const response = await server(index).inject({ method: 'PATCH', url, payload });
          expect(response.statusCode).toBe(200);
          const revision = Number(String(response.headers.etag).replaceAll('"', ''));
          return { revision, payload, result: response.json() };
        }),
      );
      let current = { a: { b: 0 } };
      const inOrder = done.toSorted((one, other) => one.revision - other.revision);
      expect(inOrder.map(({ revision }) => revision)).toEqual(changes.map((_, index) => index + 2));
      for (const { payload, result } of inOrder) {
        current = mergeDataTools(current, payload) as typeof current;
        expect(result).toEqual(current);
      }
      // The agent of the call sees the last one too.
      expect((await metadataOf(room))?.dataTools).toEqual(current);
    });
    await fc.assert(property, { numRuns: 15 });
  });

  it('make one session of a room for which both are asked at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const room = `together-${round}`;
      const join = (index: number, user_id: string) =>
        server(index).inject({ method: 'POST', url: '/token', payload: { user_id, room } });
      const answers = await Promise.all([join(0, 'ana'), join(1, 'eve'), join(0, 'juan'), join(1, 'ana')]);
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
      const ids = new Set(answers.map((answer) => answer.json().session_id));
      expect(ids.size).toBe(1);
      expect((await metadataOf(room))?.session.id).toBe([...ids][0]);
      const open = await server(0).inject(`/sessions?status=created&limit=200`);
      const held = open.json().items.filter((session: { room: string }) => session.room === room);
      expect(held).toHaveLength(1);
    }
  });

  it('give the default room to one of two users who come at once, and the other a room alone', async () => {
    for (let round = 0; round < 10; round += 1) {
      const users = [`ana-${round}`, `luis-${round}`] as const;
      const ask = (index: number, identity: string) =>
        server(index).inject({ method: 'POST', url: '/token', payload: { identity } });
      const answers = await Promise.all([ask(0, users[0]), ask(1, users[1])]);
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
      const joined = answers.map((answer) => answer.json<{ session_id: string; room: string }>());
      expect(joined.map(({ room }) => room)).toContain('charla');
      for (const [index, { session_id, room }] of joined.entries()) {
        expect((await metadataOf(room))?.session).toMatchObject({ id: session_id, userId: users[index] });
        const shown = await server(1 - index).inject(`/sessions/${session_id}`);
        expect(shown.json()).toMatchObject({ user_id: users[index], room });
        await server(index).inject({ method: 'POST', url: `/sessions/${session_id}/end` });
      }
    }
  });

  it('give a user who comes to both at once one session', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ask = (index: number) =>
        server(index).inject({ method: 'POST', url: '/token', payload: { identity: `eva-${round}` } });
      const answers = await Promise.all([ask(0), ask(1), ask(0), ask(1)]);
      const ids = new Set(answers.map((answer) => answer.json().session_id));
      expect([...new Set(answers.map(({ statusCode }) => statusCode)), ids.size]).toEqual([200, 1]);
      await server(0).inject({ method: 'POST', url: `/sessions/${[...ids][0]}/end` });
    }
  });

  it('answer for each other', async () => {
    const start = await server(0).inject({
      method: 'POST',
      url: '/session/start',
      payload: { user_id: 'ana', data_tools: { n: 1 } },
    });
    const { session_id } = start.json<{ session_id: string }>();
    const url = `/session/${session_id}/data-tools`;
    expect((await server(0).inject(url)).json()).toEqual({ n: 1 });
    await server(1).inject({ method: 'PATCH', url, payload: { n: 2 } });
    expect((await server(1).inject(url)).json()).toEqual({ n: 2 });
    await expect.poll(async () => (await server(0).inject(url)).json()).toEqual({ n: 2 });
    expect((await server(1).inject({ method: 'DELETE', url: `/sessions/${session_id}` })).statusCode).toBe(
      204,
    );
    await expect.poll(async () => (await server(0).inject(url)).statusCode).toBe(404);
  });
});
