import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Call, CallHistory } from '../../src/calls/call.ts';
import { type CallStore, createCallStore } from '../../src/calls/call-store.ts';
import { DIAL_STATES, type DialEnd } from '../../src/calls/dial.ts';
import { createPlacedCalls, type NewPlacedCall, type PlacedCalls } from '../../src/calls/placed-calls.ts';
import { sessions } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { addSession, ended, numbered, started, turn } from '../support/call-events.ts';
import { openTestStore } from '../support/store.ts';

const RINGS_UNTIL = new Date('2026-01-01T12:00:00.000Z');
const LATER = new Date(RINGS_UNTIL.getTime() + 1);

let store: Store;
let calls: CallStore;
let placed: PlacedCalls;
let told: { started: Call[]; ended: CallHistory[] };

beforeAll(async () => {
  store = await openTestStore();
  const telling = {
    onStarted: async (_db: unknown, call: Call) => void told.started.push(call),
    onEnded: async (_db: unknown, call: CallHistory) => void told.ended.push(call),
  };
  calls = createCallStore(store, telling);
  placed = createPlacedCalls(store, telling);
});
afterAll(() => store.close());
beforeEach(async () => {
  told = { started: [], ended: [] };
  await store.query((db) => db.delete(sessions));
  await addSession(store, 's1', 'ana');
});

const call = (id: string, more: Partial<NewPlacedCall> = {}): NewPlacedCall => ({
  id,
  sessionId: 's1',
  to: '+34600111222',
  callerId: '+34911234567',
  trunk: 'ST_1',
  ringsUntil: RINGS_UNTIL,
  idempotencyKey: undefined,
  request: 'a',
  ...more,
});
const answered: DialEnd = { state: 'answered', sipStatus: 200, sipReason: 'OK' };
const busy: DialEnd = { state: 'busy', sipStatus: 486, sipReason: 'Busy Here' };

describe('a call that rings', () => {
  it('ends ringing once, and is told of once, however many say how', async () => {
    await placed.place(call('c1'), 10);
    const ends = await Promise.all(
      [busy, answered, busy, answered].map((end) => placed.endRinging('c1', end)),
    );
    expect(ends.filter((done) => done)).toHaveLength(1);
    const { dial, outcome } = (await calls.get('c1')) ?? {};
    expect(told.ended.map((one) => one.outcome)).toEqual(dial?.state === 'busy' ? ['busy'] : []);
    expect(outcome).toBe(dial?.state === 'busy' ? 'busy' : null);
  });

  it('was answered when its agent says so, though whoever dialled is gone; it has begun once', async () => {
    await placed.place(call('c1'), 10);
    const events = numbered([started('s1'), turn('user', 'Hola.'), ended()]);
    for (const some of [events.slice(0, 1), events.slice(0, 2), events, events]) await calls.take('c1', some);
    expect(await calls.get('c1')).toMatchObject({
      outcome: 'participant_disconnected',
      dial: { state: 'answered', sipStatus: 200, answeredAt: new Date(events[0]?.at ?? 0) },
      turns: [{ text: 'Hola.' }],
    });
    expect([told.started.length, told.ended.length]).toEqual([1, 1]);
    expect(await placed.endRinging('c1', busy)).toBe(false);
  });

  it('is forgotten when nobody said in time how it went on; not before, and not after', async () => {
    await placed.place(call('c1'), 10);
    await placed.place(call('c2', { ringsUntil: LATER }), 10);
    await placed.place(call('c3'), 10);
    await placed.endRinging('c3', answered);
    expect(await placed.listForgotten(RINGS_UNTIL, 10)).toEqual([]);
    expect(await placed.listForgotten(LATER, 10)).toEqual([{ id: 'c1', sessionId: 's1' }]);
    await placed.endRinging('c1', { state: 'failed', sipStatus: null, sipReason: null }, 'lost');
    expect(await placed.listForgotten(LATER, 10)).toEqual([]);
    expect(await calls.get('c1')).toMatchObject({ outcome: 'lost', dial: { state: 'failed' } });
  });

  it('has failed when its session is lost', async () => {
    await placed.place(call('c1'), 10);
    await calls.lose('s1');
    expect(await calls.get('c1')).toMatchObject({
      outcome: 'lost',
      dial: { state: 'failed', to: '+34600111222' },
    });
  });

  it('is the one that the agent of its session tells of, until it has begun', async () => {
    expect(await placed.waiting('s1')).toBeUndefined();
    await placed.place(call('c1'), 10);
    expect(await placed.waiting('s1')).toBe('c1');
    await calls.take('c1', numbered([started('s1')]));
    expect(await placed.waiting('s1')).toBeUndefined();
  });
});

describe('a call that was answered', () => {
  it('can be ended by whoever dialled, once, and not when its agent has ended it', async () => {
    for (const id of ['c1', 'c2']) await placed.place(call(id), 10);
    await placed.endRinging('c1', answered);
    await placed.cancelAnswered('c1');
    await placed.cancelAnswered('c1');
    await calls.take('c2', numbered([started('s1'), ended('agent_hung_up')]));
    await placed.cancelAnswered('c2');
    expect(told.ended.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['c1', 'canceled'],
      ['c2', 'agent_hung_up'],
    ]);
  });
});

describe('a trunk', () => {
  it('has never more calls than it may, whatever ends in whatever way', async () => {
    let run = 0;
    const step = fc.oneof(
      fc.constant({ kind: 'place' as const }),
      fc.record({
        kind: fc.constant('end' as const),
        which: fc.nat(20),
        state: fc.constantFrom(...DIAL_STATES.filter((state) => state !== 'ringing')),
      }),
      fc.record({ kind: fc.constant('hang up' as const), which: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 15 }),
        async (limit, steps) => {
          run += 1;
          const trunk = `ST_${run}`;
          const open = new Set<string>();
          const all: string[] = [];
          for (const one of steps) {
            if (one.kind === 'place') {
              const id = `${trunk}-${all.length}`;
              const placing = placed.place(call(id, { trunk }), limit);
              if (open.size < limit) {
                expect(await placing).toBe(true);
                open.add(id);
                all.push(id);
              } else {
                await expect(placing).rejects.toMatchObject({ code: 'CHARLA_SIP_TRUNK_FULL' });
              }
              continue;
            }
            const id = all[one.which % Math.max(1, all.length)];
            if (id === undefined) continue;
            if (one.kind === 'hang up') {
              await calls.take(id, numbered([started('s1'), ended()]));
              open.delete(id);
            } else if (await placed.endRinging(id, { state: one.state, sipStatus: null, sipReason: null })) {
              if (one.state !== 'answered') open.delete(id);
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('has its calls counted apart from those of others', async () => {
    await placed.place(call('c1'), 1);
    await placed.place(call('c2', { trunk: 'ST_2' }), 1);
    await expect(placed.place(call('c3'), 1)).rejects.toMatchObject({ code: 'CHARLA_SIP_TRUNK_FULL' });
  });
});

describe('an idempotency key', () => {
  it('belongs to one call, though many trunks are asked at once', async () => {
    const asked = Array.from({ length: 6 }, (_, index) =>
      placed.place(call(`c${index}`, { trunk: `ST_${index % 3}`, idempotencyKey: 'k' }), 10),
    );
    expect((await Promise.all(asked)).filter((kept) => kept)).toHaveLength(1);
    expect(await placed.known('k', 'a')).toMatchObject({ dial: { state: 'ringing' } });
    await expect(placed.known('k', 'b')).rejects.toMatchObject({ code: 'CHARLA_IDEMPOTENCY_CONFLICT' });
    expect(await placed.known('another', 'a')).toBeUndefined();
  });
});
