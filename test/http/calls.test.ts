import type { FastifyInstance } from 'fastify';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createSessionStore, type SessionStore } from '../../src/sessions/session-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { NewCallEvent } from '../../src/telemetry/call-event.ts';
import { addSession, ended, numbered, started, turn } from '../support/call-events.ts';
import { openTestStore } from '../support/store.ts';
import { buildTestServer } from '../support/test-server.ts';

const keys = {
  NODE_ENV: 'test',
  HOST: '0.0.0.0',
  LIVEKIT_API_KEY: 'testkey',
  LIVEKIT_API_SECRET: 'a-secret-of-the-tests-on-loopback-only',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
};
const server = { 'x-api-key': keys.ADMIN_API_KEY };

let store: Store;
let sessions: SessionStore;
let app: FastifyInstance;
let agent: Record<string, string>;

beforeAll(async () => {
  const config = loadConfig(keys);
  store = await openTestStore();
  sessions = createSessionStore(store, config);
  app = await buildTestServer({ config, store });
  agent = await bearer({ agent: true });
});
afterAll(async () => {
  await app?.close();
  await store?.close();
});

async function bearer(grant: Parameters<AccessToken['addGrant']>[0]): Promise<Record<string, string>> {
  const token = new AccessToken(keys.LIVEKIT_API_KEY, keys.LIVEKIT_API_SECRET, { ttl: 60, identity: 'ana' });
  token.addGrant(grant);
  return { authorization: `Bearer ${await token.toJwt()}` };
}

async function tell(id: string, events: readonly NewCallEvent[], headers = agent) {
  const payload = { events: numbered(events) };
  return app.inject({ method: 'POST', url: `/calls/${id}/events`, headers, payload });
}

const status = async (id: string) => (await sessions.get(id))?.status;

describe('POST /calls/{id}/events', () => {
  it('takes the events of a call, whose session is active while it runs and over when the caller hangs up', async () => {
    await addSession(store, 's1', 'ana');
    const first = await tell('c1', [started('s1'), turn('user', 'Hola.')]);
    expect([first.statusCode, first.json()]).toEqual([200, { last_event: 2 }]);
    expect(await status('s1')).toBe('active');
    const all = [started('s1'), turn('user', 'Hola.'), turn('assistant', '¡Hola!'), ended()];
    for (const _again of [1, 2]) {
      expect((await tell('c1', all)).json()).toEqual({ last_event: 4 });
      expect(await status('s1')).toBe('ended');
    }
  });

  it.each(['error', 'job_shutdown'])('leaves a session open whose call ended with %s', async (outcome) => {
    const id = `s-${outcome}`;
    await addSession(store, id, 'ana');
    await tell(`c-${outcome}`, [started(id), ended(outcome)]);
    expect(await status(id)).toBe('active');
  });

  it('leaves a session open in which another agent goes on', async () => {
    await addSession(store, 's2', 'ana');
    await tell('c2', [started('s2')]);
    await tell('c3', [started('s2'), ended()]);
    expect(await status('s2')).toBe('active');
  });

  it.each([
    ['no events', { events: [] }],
    ['an unknown event', { events: [{ number: 1, at: '2026-01-01T12:00:00.000Z', type: 'tea' }] }],
    [
      'a year that no database holds',
      { events: [{ ...started('s1'), number: 1, at: '0000-01-01T00:00:00Z' }] },
    ],
    ['a number too large', { events: [{ ...started('s1'), number: 2 ** 31 }] }],
    ['a NUL in a text', { events: [{ ...turn('user', 'a\0b'), number: 1 }] }],
    ['no body', undefined],
  ])('refuses %s', async (_what, payload) => {
    const response = await app.inject({
      method: 'POST',
      url: '/calls/c5/events',
      headers: agent,
      ...(payload !== undefined && { payload }),
    });
    expect([response.statusCode, response.json().code]).toEqual([400, 'CHARLA_REQUEST_INVALID']);
  });

  it('says which event is missing, and that a call without beginning or session is none', async () => {
    await addSession(store, 's4', 'ana');
    await tell('c6', [started('s4')]);
    const gap = await app.inject({
      method: 'POST',
      url: '/calls/c6/events',
      headers: agent,
      payload: { events: [{ ...turn('user', 'a'), number: 3 }] },
    });
    expect([gap.statusCode, gap.json().code]).toEqual([409, 'CHARLA_CALL_EVENTS_MISSING']);
    expect(gap.json().detail).toContain('event 2');
    expect((await tell('c7', [turn('user', 'a')])).json().code).toBe('CHARLA_CALL_NOT_FOUND');
    expect((await tell('c7', [started('nobody')])).json().code).toBe('CHARLA_SESSION_NOT_FOUND');
  });
});

describe('GET /calls', () => {
  const list = async (query: string) => (await app.inject({ url: `/calls${query}`, headers: server })).json();

  it('lists calls page by page, by session, user, time and outcome, without what was said', async () => {
    await addSession(store, 's5', 'eva');
    for (const hour of [10, 11, 12]) {
      const at = `2027-01-01T${hour}:00:00.000Z`;
      await tell(`e${hour}`, [{ ...started('s5'), at }, turn('user', 'un secreto'), ended('error')]);
    }
    const first = await list('?user_id=eva&limit=2');
    expect(first.items.map(({ id }: { id: string }) => id)).toEqual(['e12', 'e11']);
    expect(JSON.stringify(first)).not.toContain('secreto');
    const second = await list(`?user_id=eva&limit=2&cursor=${first.next}`);
    expect([second.items[0].id, second.next]).toEqual(['e10', null]);
    expect((await list('?session_id=s5&until=2027-01-01T10:30:00Z')).items).toHaveLength(1);
    expect((await list('?since=2027-01-01T12:30:00%2B02:00')).items).toHaveLength(2);
    expect((await list('?outcome=nothing')).items).toEqual([]);
  });

  it.each([
    '?limit=0',
    '?limit=201',
    '?cursor=x',
    '?since=yesterday',
    '?since=0000-01-01T00:00:00Z',
    '?until=9999-12-31T23:00:00-14:00',
    '?outcome=%00',
    '?session_id=%00',
  ])('refuses %s', async (query) => {
    expect((await list(query)).code).toBe('CHARLA_REQUEST_INVALID');
  });
});

describe('GET /calls/{id}', () => {
  it('has the turns with their times and tools, and what the call took', async () => {
    await addSession(store, 's6', 'ana');
    const usage = {
      kind: 'tts' as const,
      model: 'kokoro',
      requests: 1,
      input_tokens: 0,
      output_tokens: 0,
      characters: 12,
      audio_ms: 900,
    };
    await tell('c8', [
      started('s6'),
      turn('user', '¿Y mis tickets?', { latencies: { stt_ms: 180 } }),
      turn('assistant', 'Tienes', {
        interrupted: true,
        interrupted_at_ms: 400,
        tools: [{ name: 'look_up', ok: true, ms: 3 }],
      }),
      ended('participant_disconnected', [usage]),
    ]);
    const response = await app.inject({ url: '/calls/c8', headers: server });
    expect(response.json()).toEqual({
      id: 'c8',
      session_id: 's6',
      user_id: 'ana',
      profile: 'browser',
      channel: 'browser',
      language: 'es',
      phone: null,
      started_at: '2026-01-01T12:00:00.000Z',
      ended_at: '2026-01-01T12:00:00.000Z',
      outcome: 'participant_disconnected',
      dial: null,
      recordings: [],
      turns: [
        {
          number: 1,
          at: '2026-01-01T12:00:00.000Z',
          role: 'user',
          text: '¿Y mis tickets?',
          interrupted: false,
          interrupted_at_ms: null,
          latencies: { stt_ms: 180 },
          tools: [],
        },
        {
          number: 2,
          at: '2026-01-01T12:00:00.000Z',
          role: 'assistant',
          text: 'Tienes',
          interrupted: true,
          interrupted_at_ms: 400,
          latencies: {},
          tools: [{ name: 'look_up', ok: true, ms: 3 }],
        },
      ],
      usage: [usage],
    });
  });
});
