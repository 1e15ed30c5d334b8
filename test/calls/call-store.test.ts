import { eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Call, CallHistory } from '../../src/calls/call.ts';
import { type CallStore, createCallStore } from '../../src/calls/call-store.ts';
import { sessions } from '../../src/store/schema.ts';
import type { Database, Store } from '../../src/store/store.ts';
import type { CallEvent } from '../../src/telemetry/call-event.ts';
import { addSession, ended, numbered, started, turn } from '../support/call-events.ts';
import { openTestStore } from '../support/store.ts';

let store: Store;
let calls: CallStore;
let told: { started: Call[]; ended: CallHistory[]; fail: boolean };

beforeAll(async () => {
  store = await openTestStore();
  const note = async (db: Database) => {
    // Proves that it runs inside the transaction, on its connection.
    await db.execute(sql`select 1`);
    if (told.fail) throw new Error('the callback failed');
  };
  calls = createCallStore(store, {
    onStarted: async (db, call) => {
      await note(db);
      told.started.push(call);
    },
    onEnded: async (db, call) => {
      await note(db);
      told.ended.push(call);
    },
  });
});
afterAll(() => store.close());
beforeEach(async () => {
  told = { started: [], ended: [], fail: false };
  await store.query((db) => db.delete(sessions));
  await addSession(store, 's1', 'ana');
});

const texts = async (id: string) =>
  (await calls.get(id))?.turns.map(({ number, text }) => `${number} ${text}`);

describe('the history of a call', () => {
  it('has what the events say', async () => {
    const answer = turn('assistant', 'Tienes una laptop y', {
      interrupted: true,
      interrupted_at_ms: 1_240,
      latencies: { llm_first_token_ms: 130, voice_to_voice_ms: 900 },
      tools: [{ name: 'look_up', ok: true, ms: 12 }],
    });
    const usage = [
      {
        kind: 'llm' as const,
        model: 'm',
        requests: 2,
        input_tokens: 9,
        output_tokens: 5,
        characters: 0,
        audio_ms: 0,
      },
    ];
    const events = numbered([
      started('s1'),
      turn('user', '¿Qué tengo? 👋🏽'),
      answer,
      ended('user_initiated', usage),
    ]);
    expect(await calls.take('c1', events)).toEqual({
      sessionId: 's1',
      lastEvent: 4,
      outcome: 'user_initiated',
      running: false,
      placedBegan: false,
    });
    const history = await calls.get('c1');
    expect(history).toMatchObject({
      id: 'c1',
      sessionId: 's1',
      userId: 'ana',
      language: 'es',
      startedAt: new Date(events[0]?.at ?? 0),
      endedAt: new Date(events[3]?.at ?? 0),
      outcome: 'user_initiated',
      usage,
    });
    expect(history?.turns).toEqual([
      {
        number: 1,
        role: 'user',
        text: '¿Qué tengo? 👋🏽',
        at: new Date(events[1]?.at ?? 0),
        interrupted: false,
        interruptedAtMs: null,
        latencies: {},
        tools: [],
      },
      {
        number: 2,
        role: 'assistant',
        text: 'Tienes una laptop y',
        at: new Date(events[2]?.at ?? 0),
        interrupted: true,
        interruptedAtMs: 1_240,
        latencies: answer.latencies,
        tools: answer.tools,
      },
    ]);
    expect(await calls.get('c2')).toBeUndefined();
  });

  it('has each event once, in whatever pieces and however often they come', async () => {
    const events = numbered([
      started('s1'),
      ...Array.from({ length: 8 }, (_, index) => turn('user', `t${index + 1}`)),
      ended(),
    ]);
    const expected = events.slice(1, -1).map((_, index) => `${index + 1} t${index + 1}`);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 10 })), { minLength: 1, maxLength: 12 }),
        async (pieces) => {
          run += 1;
          const id = `many-${run}`;
          let kept = 0;
          for (const [from, length] of pieces) {
            const piece = events.slice(from, from + length);
            const last = piece.at(-1)?.number ?? 0;
            const taken = calls.take(id, piece);
            if (from > kept) await expect(taken).rejects.toMatchObject({ name: 'CharlaError' });
            else {
              kept = Math.max(kept, last);
              expect((await taken).lastEvent).toBe(kept);
            }
          }
          expect(await texts(id)).toEqual(
            kept === 0 ? undefined : expected.slice(0, Math.min(kept - 1, expected.length)),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('has each event once when they come several times at the same moment', async () => {
    const events = numbered([started('s1'), turn('user', 'a'), turn('assistant', 'b'), ended()]);
    await Promise.all(Array.from({ length: 6 }, () => calls.take('c1', events)));
    expect(await texts('c1')).toEqual(['1 a', '2 b']);
    expect([told.started.length, told.ended.length]).toEqual([1, 1]);
  });

  it('names the event that is missing, and keeps nothing of those after it', async () => {
    const events = numbered([started('s1'), turn('user', 'a'), turn('assistant', 'b'), turn('user', 'c')]);
    await calls.take('c1', events.slice(0, 1));
    await expect(calls.take('c1', events.slice(2))).rejects.toMatchObject({
      code: 'CHARLA_CALL_EVENTS_MISSING',
      fields: { expected: 2 },
    });
    const hole = [events[1], events[3]].filter((event): event is CallEvent => event !== undefined);
    await expect(calls.take('c1', hole)).rejects.toMatchObject({ code: 'CHARLA_CALL_EVENTS_MISSING' });
    expect(await texts('c1')).toEqual([]);
  });

  it('is not begun without its beginning, or without its session', async () => {
    const events = numbered([started('nobody'), turn('user', 'a')]);
    await expect(calls.take('c1', events)).rejects.toMatchObject({ code: 'CHARLA_SESSION_NOT_FOUND' });
    await expect(calls.take('c1', events.slice(1))).rejects.toMatchObject({ code: 'CHARLA_CALL_NOT_FOUND' });
    expect(await calls.list({}, 10)).toEqual([]);
  });

  it('and its session may be deleted while events come: they are kept or refused, and nothing is left over', async () => {
    const events = numbered([started('s9'), turn('user', 'a'), turn('assistant', 'b'), ended()]);
    for (let run = 0; run < 15; run += 1) {
      await addSession(store, 's9', 'ana');
      await calls.take('c1', events.slice(0, 1));
      const refused = ['CHARLA_CALL_NOT_FOUND', 'CHARLA_SESSION_NOT_FOUND'];
      const taking = calls.take('c1', events).catch((error: { code: string }) => error.code);
      await Promise.all([taking, store.query((db) => db.delete(sessions).where(eq(sessions.id, 's9')))]);
      const outcome = await taking;
      if (typeof outcome === 'string') expect(refused).toContain(outcome);
      expect(await calls.get('c1')).toBeUndefined();
    }
  });

  it('goes with its session, and does not come back', async () => {
    const events = numbered([started('s1'), turn('user', 'a'), turn('assistant', 'b')]);
    await calls.take('c1', events.slice(0, 2));
    await store.query((db) => db.delete(sessions));
    await expect(calls.take('c1', events.slice(2))).rejects.toMatchObject({ code: 'CHARLA_CALL_NOT_FOUND' });
    expect(await calls.get('c1')).toBeUndefined();
  });
});

describe('whoever wants to know', () => {
  it('is told of a beginning and an end, the end with all that was said', async () => {
    await calls.take('c1', numbered([started('s1')]));
    expect(told.started).toEqual([expect.objectContaining({ id: 'c1', userId: 'ana', outcome: null })]);
    const events = numbered([started('s1'), turn('user', 'a'), ended()]);
    await calls.take('c1', events);
    await calls.take('c1', events);
    expect(told.started).toHaveLength(1);
    expect(told.ended).toEqual([
      expect.objectContaining({ id: 'c1', outcome: 'participant_disconnected', turns: [expect.anything()] }),
    ]);
  });

  it('and cannot note it, keeps the events from being taken', async () => {
    const events = numbered([started('s1'), turn('user', 'a')]);
    told.fail = true;
    await expect(calls.take('c1', events)).rejects.toThrow();
    told.fail = false;
    expect(await calls.get('c1')).toBeUndefined();
    expect((await calls.take('c1', events)).lastEvent).toBe(2);
  });
});

describe('a call that nobody ended', () => {
  it('is lost with its room, and only then', async () => {
    await addSession(store, 's2', 'eve');
    await calls.take('c1', numbered([started('s1'), turn('user', 'a')]));
    await calls.take('c2', numbered([started('s2')]));
    await calls.lose('s1');
    await calls.lose('s1');
    expect(await calls.get('c1')).toMatchObject({ outcome: 'lost', endedAt: expect.any(Date) });
    expect(await calls.get('c2')).toMatchObject({ outcome: null, endedAt: null });
    expect(told.ended).toEqual([expect.objectContaining({ id: 'c1', outcome: 'lost' })]);
  });

  it('is found again when its events come after all', async () => {
    const events = numbered([started('s1'), turn('user', 'a'), turn('assistant', 'b'), ended()]);
    await calls.take('c1', events.slice(0, 2));
    await calls.lose('s1');
    await calls.take('c1', events.slice(2));
    expect(await calls.get('c1')).toMatchObject({ outcome: 'participant_disconnected' });
    expect(await texts('c1')).toEqual(['1 a', '2 b']);
    expect(told.ended.map(({ outcome }) => outcome)).toEqual(['lost', 'participant_disconnected']);
  });

  it('is lost when its session has been over for a while, however that came', async () => {
    await addSession(store, 's2', 'eve');
    await calls.take('c1', numbered([started('s1')]));
    await calls.take('c2', numbered([started('s2')]));
    const endedAt = new Date('2026-01-01T12:00:00.000Z');
    await store.query((db) =>
      db.update(sessions).set({ status: 'expired', endedAt }).where(eq(sessions.id, 's1')),
    );
    await calls.loseForgotten(endedAt);
    expect((await calls.get('c1'))?.outcome).toBeNull();
    await calls.loseForgotten(new Date(endedAt.getTime() + 1));
    expect((await calls.get('c1'))?.outcome).toBe('lost');
    expect((await calls.get('c2'))?.outcome).toBeNull();
  });

  it('is told from a session whose other call goes on', async () => {
    await calls.take('c1', numbered([started('s1')]));
    await calls.take('c2', numbered([started('s1')]));
    expect(await calls.take('c1', numbered([started('s1'), ended()]))).toMatchObject({ running: true });
    expect(await calls.take('c2', numbered([started('s1'), ended()]))).toMatchObject({ running: false });
  });
});

describe('a list of calls', () => {
  it('is newest first, in pages that miss nothing, by whatever is asked for', async () => {
    await addSession(store, 's2', 'eve');
    const at = (minute: number) => `2026-01-01T12:${String(minute).padStart(2, '0')}:00.000Z`;
    for (let index = 0; index < 9; index += 1) {
      // Three begin at the same moment.
      const begun = { ...started(index % 2 === 0 ? 's1' : 's2'), at: at(Math.floor(index / 3)) };
      await calls.take(`c${index}`, numbered(index < 2 ? [begun, ended('error')] : [begun]));
    }
    const all: Call[] = [];
    for (let page = await calls.list({}, 2); page.length > 0; page = await calls.list({}, 2, page.at(-1))) {
      all.push(...page);
    }
    expect(all.map(({ id }) => id)).toEqual(['c8', 'c7', 'c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
    const ids = async (filter: Parameters<CallStore['list']>[0]) =>
      (await calls.list(filter, 50)).map(({ id }) => id);
    expect(await ids({ sessionId: 's2' })).toEqual(['c7', 'c5', 'c3', 'c1']);
    expect(await ids({ userId: 'ana', outcome: 'error' })).toEqual(['c0']);
    expect(await ids({ since: new Date(at(1)), until: new Date(at(2)) })).toEqual(['c5', 'c4', 'c3']);
    expect(await ids({ userId: 'nobody' })).toEqual([]);
  });
});
