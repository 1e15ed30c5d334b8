import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCallStore } from '../../src/calls/call-store.ts';
import { createPlacedCalls } from '../../src/calls/placed-calls.ts';
import { createConversations } from '../../src/http/conversations.ts';
import { createHookData } from '../../src/http/hook-data.ts';
import { createOutboundCalls } from '../../src/http/outbound-calls.ts';
import { createRoomUpkeep } from '../../src/http/room-upkeep.ts';
import { createTurns } from '../../src/http/turns.ts';
import { AgentWatch } from '../../src/rooms/agent-watch.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { parseRoomMetadata } from '../../src/rooms/metadata.ts';
import { hasAnswered, placeSipCall } from '../../src/rooms/place-sip-call.ts';
import { createProfileStore } from '../../src/sessions/profile-store.ts';
import { createSessionStore } from '../../src/sessions/session-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { numbered, started, turn } from '../support/call-events.ts';
import { startLivekitServer, testConfig } from '../support/livekit-server.ts';
import { type CalleeBehaviour, freeUdpPort, type SipCallee, startSipCallee } from '../support/sip-callee.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

interface PlacedCall {
  id: string;
  session_id: string;
  user_id: string;
  channel: string;
  outcome: string | null;
  ended_at: string | null;
  phone: { direction: string; caller: string | null; called: string };
  dial: {
    state: string;
    to: string;
    caller_id: string;
    trunk: string;
    sip_status: number;
    sip_reason: string;
  };
}

const RING_SECONDS = 5;
const NUMBER = '+34600111222';

let stack: SipStack;
let livekit: LiveKit;
let store: Store;
let servers: FastifyInstance[];
let callees: SipCallee[] = [];

beforeAll(async () => {
  stack = await startSipStack();
  store = await openTestStore();
  const config = testConfig(stack.livekit, { OUTBOUND_RING_SECONDS: String(RING_SECONDS) });
  livekit = createLiveKit(config);
  servers = [await buildTestServer({ config, store }), await buildTestServer({ config, store })];
});
afterEach(async () => {
  await Promise.all(callees.map((callee) => callee.stop()));
  callees = [];
});
afterAll(async () => {
  for (const app of servers ?? []) await app.close();
  await store?.close();
  await stack?.stop();
});

async function callee(behaviour: CalleeBehaviour): Promise<SipCallee> {
  const started = await startSipCallee(behaviour);
  callees.push(started);
  return started;
}

function server(index = 0): FastifyInstance {
  const app = servers[index];
  if (app === undefined) throw new Error(`there is no server ${index}`);
  return app;
}

const place = (payload: object, index = 0, headers: Record<string, string> = {}) =>
  server(index).inject({ method: 'POST', url: '/calls', payload, headers });

async function placed(payload: object): Promise<PlacedCall> {
  const answer = await place(payload);
  expect([answer.statusCode, answer.body]).toEqual([202, expect.any(String)]);
  return answer.json<PlacedCall>();
}

const read = async (id: string) => (await server().inject({ url: `/calls/${id}` })).json<PlacedCall>();

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 100 });

/** The call once it rings no more. */
async function rung(id: string): Promise<PlacedCall> {
  return vi.waitUntil(
    async () => {
      const call = await read(id);
      return call.dial.state === 'ringing' ? undefined : call;
    },
    { timeout: 20_000, interval: 100 },
  );
}

const sessionOf = async ({ session_id }: PlacedCall) =>
  (await server().inject({ url: `/sessions/${session_id}` })).json<{ status: string; room: string }>();

async function metadataOf(room: string) {
  const [found] = await livekit.request(({ rooms }) => rooms.listRooms([room]));
  return found && parseRoomMetadata(found.metadata);
}

describe('a call that we place', () => {
  it('rings while its answer is there already, in a room whose agent knows which call it is', async () => {
    const { uri } = await callee('lets it ring');
    const call = await placed({ to: uri, user_id: 'ana', data_tools: { plan: 'basic' }, language: 'en' });
    expect(call).toMatchObject({
      user_id: 'ana',
      channel: 'sip',
      language: 'en',
      outcome: null,
      ended_at: null,
      dial: { state: 'ringing', to: uri, sip_status: null, answered_at: null },
    });
    const metadata = await metadataOf(`call-${call.id}`);
    expect(metadata).toMatchObject({
      call: call.id,
      session: { userId: 'ana' },
      dataTools: { plan: 'basic' },
    });
    await server().inject({ method: 'POST', url: `/sessions/${call.session_id}/end` });
    expect(await rung(call.id)).toMatchObject({ outcome: 'canceled', dial: { state: 'canceled' } });
  });

  it('rings no more when its session is ended or deleted, however soon', async () => {
    const { uri } = await callee('lets it ring');
    const [ended, deleted] = [await placed({ to: uri }), await placed({ to: uri })];
    await server().inject({ method: 'POST', url: `/sessions/${ended.session_id}/end` });
    await server().inject({ method: 'DELETE', url: `/sessions/${deleted.session_id}` });
    expect(await rung(ended.id)).toMatchObject({ outcome: 'canceled', dial: { state: 'canceled' } });
    expect((await server().inject({ url: `/calls/${deleted.id}` })).statusCode).toBe(404);
    for (const { id } of [ended, deleted]) {
      await eventually(async () => expect(await metadataOf(`call-${id}`)).toBeUndefined());
    }
  });

  it('is answered; its agent tells of it under its id, and another agent in the room would tell of another call', async () => {
    const { uri } = await callee('answers');
    const call = await placed({ to: uri });
    expect(await rung(call.id)).toMatchObject({
      outcome: null,
      dial: { state: 'answered', sip_status: 200, answered_at: expect.any(String) },
    });
    const events = numbered([started(call.session_id), turn('user', 'Hola.')]);
    // As an agent: in development everybody may.
    const told = await server().inject({
      method: 'POST',
      url: `/calls/${call.id}/events`,
      payload: { events },
    });
    expect(told.statusCode).toBe(200);
    await eventually(async () => expect(await metadataOf(`call-${call.id}`)).not.toHaveProperty('call'));
    expect(await read(call.id)).toMatchObject({ turns: [{ text: 'Hola.' }], dial: { state: 'answered' } });
    expect(await sessionOf(call)).toMatchObject({ status: 'active' });
    await server().inject({ method: 'POST', url: `/sessions/${call.session_id}/end` });
  });

  it.each([
    [486, 'Busy Here', 'busy'],
    [600, 'Busy Everywhere', 'busy'],
    [480, 'Temporarily Unavailable', 'no_answer'],
    [603, 'Decline', 'failed'],
    [404, 'Not Found', 'failed'],
    [403, 'Forbidden', 'failed'],
    [503, 'Service Unavailable', 'failed'],
  ])('that is refused with %i %s is %s, and over', async (refuses, reason, state) => {
    const { uri } = await callee({ refuses, reason });
    const call = await placed({ to: uri });
    expect(await rung(call.id)).toMatchObject({
      outcome: state,
      ended_at: expect.any(String),
      dial: { state, sip_status: refuses, sip_reason: reason, answered_at: null },
    });
    await eventually(async () => expect(await sessionOf(call)).toMatchObject({ status: 'ended' }));
    await eventually(async () => expect(await metadataOf(`call-${call.id}`)).toBeUndefined());
  });

  it('goes on when its agent talks with somebody, whatever whoever dialled hears', async () => {
    const { uri } = await callee({ refuses: 486, reason: 'Busy Here', afterMs: 2_000 });
    const call = await placed({ to: uri });
    const heard = (answer: boolean | undefined) =>
      eventually(async () => expect(await hasAnswered(livekit, `call-${call.id}`)).toBe(answer));
    await heard(false);
    const events = numbered([started(call.session_id)]);
    await server().inject({ method: 'POST', url: `/calls/${call.id}/events`, payload: { events } });
    expect(await read(call.id)).toMatchObject({ dial: { state: 'answered' } });
    await heard(undefined);
    // Time to do what has to be left undone.
    await sleep(1_000);
    expect(await read(call.id)).toMatchObject({ outcome: null, dial: { state: 'answered' } });
    expect(await sessionOf(call)).toMatchObject({ status: 'active' });
    await server().inject({ method: 'POST', url: `/sessions/${call.session_id}/end` });
  });

  it('that nobody answers is over when it has rung for long enough', async () => {
    const { uri } = await callee('lets it ring');
    const call = await placed({ to: uri });
    expect(await rung(call.id)).toMatchObject({
      outcome: 'no_answer',
      dial: { state: 'no_answer', sip_status: null },
    });
  });

  it('to where nobody is has failed', async () => {
    const call = await placed({ to: `sip:nobody@127.0.0.1:${await freeUdpPort()}` });
    expect(await rung(call.id)).toMatchObject({
      outcome: 'failed',
      dial: { state: 'failed', sip_status: null },
    });
  });
});

describe('a request to place a call', () => {
  it('that comes again with its key, also at once and to another server, places one call', async () => {
    const { uri } = await callee('lets it ring');
    const request = { to: uri, idempotency_key: 'once', data_tools: { a: 1 } };
    const answers = await Promise.all([0, 1, 0, 1, 0].map((index) => place(request, index)));
    const { idempotency_key, ...body } = request;
    answers.push(await place(body, 1, { 'idempotency-key': idempotency_key }));
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 200, 200, 200, 200, 202]);
    const calls = answers.map((answer) => answer.json<PlacedCall>());
    expect(new Set(calls.map(({ id }) => id)).size).toBe(1);
    const sessions = (await server().inject({ url: `/sessions?user_id=${encodeURIComponent(uri)}` })).json<{
      items: unknown[];
    }>();
    const [call] = calls;
    expect(sessions.items).toMatchObject([{ session_id: call?.session_id }]);

    for (const other of [
      { ...request, data_tools: { a: 2 } },
      { ...request, user_id: 'eve' },
    ]) {
      const refused = await place(other);
      expect([refused.statusCode, refused.json()]).toMatchObject([
        409,
        { code: 'CHARLA_IDEMPOTENCY_CONFLICT' },
      ]);
    }
    expect((await place(request, 0, { 'idempotency-key': 'another' })).statusCode).toBe(400);
    await server().inject({ method: 'DELETE', url: `/sessions/${call?.session_id}` });
    expect((await place(request)).statusCode).toBe(202);
  });

  it('goes through the only trunk there is, or the one that it names, with a number of that trunk', async () => {
    const none = await place({ to: NUMBER });
    expect([none.statusCode, none.json()]).toMatchObject([409, { code: 'CHARLA_SIP_TRUNK_MISSING' }]);

    const { port } = await callee('answers');
    const trunk = await stack.dialOut({ port, number: '+34911111111' });
    const call = await placed({ to: '+34 600 111 222' });
    expect(call).toMatchObject({
      user_id: NUMBER,
      phone: { direction: 'outbound', caller: '+34911111111', called: NUMBER },
      dial: { to: NUMBER, caller_id: '+34911111111', trunk },
    });
    expect(await rung(call.id)).toMatchObject({ dial: { state: 'answered' } });
    await server().inject({ method: 'POST', url: `/sessions/${call.session_id}/end` });

    const foreign = await place({ to: NUMBER, caller_id: '+34922222222' });
    expect([foreign.statusCode, foreign.json<{ detail: string }>().detail]).toEqual([
      400,
      expect.stringContaining('/caller_id'),
    ]);
    const another = await stack.dialOut({ port });
    expect((await place({ to: NUMBER })).json()).toMatchObject({ code: 'CHARLA_SIP_TRUNK_MISSING' });
    const named = await placed({ to: NUMBER, trunk: another, caller_id: '34 910 000 000' });
    expect(named.dial).toMatchObject({ trunk: another, caller_id: '+34910000000' });
    await server().inject({ method: 'POST', url: `/sessions/${named.session_id}/end` });
    for (const id of [trunk, another]) await stack.sip.deleteSipTrunk(id);
  });

  it('is refused while as many calls as a trunk may have go through it, however many ask at once', async () => {
    const config = testConfig(stack.livekit, {
      OUTBOUND_RING_SECONDS: String(RING_SECONDS),
      SIP_TRUNK_MAX_CALLS: '2',
    });
    const small = [await buildTestServer({ config, store }), await buildTestServer({ config, store })];
    const { uri } = await callee('lets it ring');
    const ask = (index: number) =>
      small[index % 2]?.inject({ method: 'POST', url: '/calls', payload: { to: uri } });
    const answers = await Promise.all(Array.from({ length: 6 }, (_, index) => ask(index)));
    const full = answers.filter((answer) => answer?.statusCode === 429);
    expect(answers.map((answer) => answer?.statusCode).toSorted()).toEqual([202, 202, 429, 429, 429, 429]);
    expect(full[0]?.json()).toMatchObject({ code: 'CHARLA_SIP_TRUNK_FULL' });
    expect(Number(full[0]?.headers['retry-after'])).toBeGreaterThan(0);
    const placedNow = answers.filter((answer) => answer?.statusCode === 202);
    const [first] = placedNow.map((answer) => answer?.json<PlacedCall>());
    await server().inject({ method: 'POST', url: `/sessions/${first?.session_id}/end` });
    await eventually(async () => expect((await ask(0))?.statusCode).toBe(202));
    for (const app of small) await app.close();
  });

  it.each([
    ['911', 'a number of one country'],
    ['+0911234567', 'a number that begins with +0'],
    ['tomorrow', 'no number'],
    ['sip:@127.0.0.1', 'a SIP URI without a user'],
    ['+34911234567@example.com', 'a number somewhere'],
  ])('to %s is refused: %s', async (to) => {
    const answer = await place({ to });
    expect([answer.statusCode, answer.json()]).toMatchObject([400, { code: 'CHARLA_REQUEST_INVALID' }]);
  });
});

describe('a livekit-server without Redis', () => {
  it('has no trunk to call through, and says what it lacks', async () => {
    const bare = await startLivekitServer();
    const app = await buildTestServer({ config: testConfig(bare), store });
    const answer = await app.inject({ method: 'POST', url: '/calls', payload: { to: NUMBER } });
    expect([answer.statusCode, answer.json()]).toMatchObject([503, { code: 'CHARLA_SIP_NOT_CONNECTED' }]);
    await app.close();
    await bare.stop();
  });
});

describe('outside development', () => {
  const key = { 'x-api-key': 'an-api-key-of-the-tests' };
  const production = (more: Record<string, string> = {}) =>
    buildTestServer({
      config: testConfig(stack.livekit, { HOST: '0.0.0.0', ADMIN_API_KEY: key['x-api-key'], ...more }),
      store,
    });

  it('no number is called that OUTBOUND_PREFIXES does not allow, and no SIP URI', async () => {
    const closed = await production();
    const spain = await production({ OUTBOUND_PREFIXES: '+34,+44' });
    const codeOf = async (app: FastifyInstance, to: string) =>
      (await app.inject({ method: 'POST', url: '/calls', payload: { to }, headers: key })).json<{
        code: string;
      }>().code;
    expect(await codeOf(closed, NUMBER)).toBe('CHARLA_NUMBER_NOT_ALLOWED');
    expect(await codeOf(spain, '+1900555666')).toBe('CHARLA_NUMBER_NOT_ALLOWED');
    expect(await codeOf(spain, NUMBER)).toBe('CHARLA_SIP_TRUNK_MISSING');
    expect(await codeOf(spain, 'sip:ana@127.0.0.1:5060')).toBe('CHARLA_REQUEST_INVALID');
    await closed.close();
    await spain.close();
  });
});

describe('calls that were placed', () => {
  it('are listed by direction and state', async () => {
    const { uri } = await callee({ refuses: 486, reason: 'Busy Here' });
    const call = await placed({ to: uri, user_id: 'listed' });
    await rung(call.id);
    const ids = async (query: string) =>
      (await server().inject({ url: `/calls?user_id=listed&${query}` }))
        .json<{ items: PlacedCall[] }>()
        .items.map(({ id }) => id);
    expect(await ids('direction=outbound')).toEqual([call.id]);
    expect(await ids('direction=inbound')).toEqual([]);
    expect(await ids('state=busy')).toEqual([call.id]);
    expect(await ids('state=answered')).toEqual([]);
  });
});

describe('a call whose server was killed while it rang', () => {
  const LONG_AGO = new Date('2026-01-01T12:00:00.000Z');
  const log = createLogger('test', 'fatal');
  const build = () => {
    const config = testConfig(stack.livekit);
    const inTurn = createTurns();
    const sessions = createSessionStore(store, config);
    const placedCalls = createPlacedCalls(store);
    const conversations = createConversations({
      config,
      livekit,
      sessions,
      profiles: createProfileStore(store),
      placed: placedCalls,
      watch: new AgentWatch(livekit, config.AGENT_NAME, log),
      upkeep: createRoomUpkeep({ livekit, sessions, log, inTurn }),
      hookData: createHookData(undefined, log),
      inTurn,
    });
    const calls = createCallStore(store);
    const parts = { config, livekit, log, sessions, calls, placed: placedCalls, conversations };
    return { ...parts, outbound: createOutboundCalls(parts) };
  };

  /** What is there of the call when its server dies: its room and its row. @returns its id, which is its room's name too */
  async function left(trunk: string): Promise<string> {
    const { conversations, placed: placedCalls } = build();
    const id = `call-left-${trunk}`;
    const request = {
      userId: 'ana',
      channel: 'sip',
      phone: { direction: 'outbound', caller: null, called: NUMBER },
    } as const;
    const row = { id, to: NUMBER, callerId: null, trunk, ringsUntil: LONG_AGO };
    await conversations.startPlaced(request, {
      room: id,
      reserve: ({ id: sessionId }) =>
        placedCalls.place({ ...row, sessionId, idempotencyKey: undefined, request: trunk }, 10),
    });
    return id;
  }

  it('goes on when somebody has answered it meanwhile', async () => {
    const { port } = await callee('answers');
    const id = await left('answered');
    const dialled = { to: 'callee', from: 'charla', ringSeconds: RING_SECONDS, maxSeconds: 60 };
    await placeSipCall(livekit, { ...dialled, room: id, way: { address: `127.0.0.1:${port}` } });
    await build().outbound.catchUp();
    const call = await read(id);
    expect(call).toMatchObject({ outcome: null, dial: { state: 'answered', sip_status: 200 } });
    expect(await sessionOf(call)).toMatchObject({ status: 'active' });
    await server().inject({ method: 'POST', url: `/sessions/${call.session_id}/end` });
  });

  it('is lost when it never rang, or rings no more; its session is over then, and its room closed', async () => {
    const id = await left('lost');
    await build().outbound.catchUp();
    const call = await read(id);
    expect(call).toMatchObject({ outcome: 'lost', dial: { state: 'failed', sip_status: null } });
    expect(await sessionOf(call)).toMatchObject({ status: 'ended' });
    expect(await metadataOf(id)).toBeUndefined();
  });

  it('was canceled when its session was ended', async () => {
    const id = await left('canceled');
    const { session_id } = await read(id);
    await server().inject({ method: 'POST', url: `/sessions/${session_id}/end` });
    await build().outbound.catchUp();
    expect(await read(id)).toMatchObject({ outcome: 'canceled', dial: { state: 'canceled' } });
  });
});
