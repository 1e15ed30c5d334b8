import { and, desc, eq, gte, isNull, lt, max, type SQL, sql } from 'drizzle-orm';
import { CharlaError } from '../errors.ts';
import { phoneIs } from '../store/phone.ts';
import { calls, sessions, turns, usage } from '../store/schema.ts';
import type { Database, Store } from '../store/store.ts';
import type { CallEvent, ModelUsage } from '../telemetry/call-event.ts';
import type { Call, CallHistory } from './call.ts';
import { type DialState, dialEnded, type KeptDial } from './dial.ts';
import { asCall, readCall, readHistory, selectCalls } from './read-calls.ts';

export interface CallStoreOptions {
  /** Told of a new call, inside the transaction that keeps it. */
  onStarted?: (db: Database, call: Call) => Promise<void>;
  /**
   * Told of a call that ended, with all that was said in it, inside the transaction that keeps its end. One that was
   * `lost` may turn out to have ended otherwise: then it is told of again.
   */
  onEnded?: (db: Database, call: CallHistory) => Promise<void>;
}

/** Which calls are wanted; all that are given have to hold. */
export interface CallFilter {
  sessionId?: string | undefined;
  userId?: string | undefined;
  /** Begun then or later. */
  since?: Date | undefined;
  /** Begun before. */
  until?: Date | undefined;
  outcome?: string | undefined;
  /** Of telephone calls: the number of either end, in each of the ways in which it may be written. */
  phone?: readonly string[] | undefined;
  /** Of telephone calls: whether they called us, or we them. */
  direction?: 'inbound' | 'outbound' | undefined;
  /** Of calls that we placed: how far they came. */
  dialState?: DialState | undefined;
}

/** Where a page of calls ends. */
export type CallPlace = Pick<Call, 'id' | 'startedAt'>;

/** A call after its events were taken. */
export interface TakenEvents {
  sessionId: string;
  /** Number of the last event that is kept. */
  lastEvent: number;
  /** Of the call; null while it runs. */
  outcome: string | null;
  /** Whether any call of the session still runs. */
  running: boolean;
  /** Whether these were the first of a call that we placed. */
  placedBegan: boolean;
}

/** The history of calls. Each function throws what {@link Store.query} throws. */
export interface CallStore {
  /**
   * Keeps the events of a call, all or none, each once however often it is sent. The first one of a call is
   * `call.started`.
   *
   * @param events - in the order of their numbers; those that are kept already are skipped
   * @throws CharlaError `CHARLA_CALL_NOT_FOUND`, `CHARLA_SESSION_NOT_FOUND`, `CHARLA_CALL_EVENTS_MISSING` (some before
   *   these have not come)
   */
  take(id: string, events: readonly CallEvent[]): Promise<TakenEvents>;
  get(id: string): Promise<CallHistory | undefined>;
  /** Newest first, those after `after`. */
  list(filter: CallFilter, limit: number, after?: CallPlace): Promise<Call[]>;
  /** Ends the calls of a session that nobody ended: its room is gone, and with it whoever could have said more. */
  lose(sessionId: string): Promise<void>;
  /** Ends calls that nobody ended though their sessions were over before then. */
  loseForgotten(before: Date): Promise<void>;
}

/** Sessions whose calls are lost at once; the rest the next time. */
const MOST_FORGOTTEN = 100;

/** Calls in the store. */
export function createCallStore(store: Store, { onStarted, onEnded }: CallStoreOptions = {}): CallStore {
  const lose = (sessionId: string) =>
    store.query((db) =>
      db.transaction(async (tx) => {
        await holdSession(tx, sessionId);
        const lost = await tx
          .update(calls)
          .set({ outcome: 'lost', endedAt: new Date(), dial: NOT_RINGING })
          .where(and(eq(calls.sessionId, sessionId), isNull(calls.endedAt)))
          .returning({ id: calls.id });
        for (const { id } of lost) await tellEnd(tx, id);
      }),
    );

  const start = async (tx: Database, id: string, first: CallEvent | undefined): Promise<CallRow> => {
    if (first?.type !== 'call.started' || first.number !== 1) {
      throw new CharlaError('CHARLA_CALL_NOT_FOUND', { id });
    }
    const sessionId = first.session_id;
    if (!(await holdSession(tx, sessionId))) {
      throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id: sessionId });
    }
    const row = {
      id,
      sessionId,
      startedAt: new Date(first.at),
      endedAt: null,
      outcome: null,
      dial: null,
      idempotencyKey: null,
      lastEvent: 0,
    };
    const inserted = await tx.insert(calls).values(row).onConflictDoNothing().returning();
    if (inserted.length > 0) {
      await tellStart(tx, id);
      return row;
    }
    // The same events came twice at once, and the others were first.
    const theirs = await lock(tx, id);
    if (theirs === undefined) throw new CharlaError('CHARLA_CALL_NOT_FOUND', { id });
    return theirs;
  };

  return {
    take(id, events) {
      return store.query((db) =>
        db.transaction(async (tx) => {
          const before = (await lock(tx, id)) ?? (await start(tx, id, events[0]));
          const fresh = events.filter(({ number }) => number > before.lastEvent);
          const missing = fresh.find(({ number }, index) => number !== before.lastEvent + 1 + index);
          if (missing !== undefined) {
            throw new CharlaError('CHARLA_CALL_EVENTS_MISSING', { id, expected: before.lastEvent + 1 });
          }
          const ended = fresh.findLast((event) => event.type === 'call.ended');
          const after = {
            lastEvent: fresh.at(-1)?.number ?? before.lastEvent,
            endedAt: ended === undefined ? before.endedAt : new Date(ended.at),
            outcome: ended?.outcome ?? before.outcome,
            dial: dialAfter(before.dial, fresh),
          };
          if (fresh.length > 0) {
            await addTurns(tx, id, fresh);
            await tx.update(calls).set(after).where(eq(calls.id, id));
          }
          const placedBegan = isPlaced(before) && fresh.length > 0;
          if (placedBegan) await tellStart(tx, id);
          if (ended !== undefined) {
            await addUsage(tx, id, ended.usage);
            await tellEnd(tx, id);
          }
          const { sessionId } = before;
          const open = and(eq(calls.sessionId, sessionId), isNull(calls.endedAt));
          const running = await tx.select({ id: calls.id }).from(calls).where(open).limit(1);
          const { lastEvent, outcome } = after;
          return { sessionId, lastEvent, outcome, running: running.length > 0, placedBegan };
        }),
      );
    },
    get(id) {
      return store.query((db) => readHistory(db, id));
    },
    list(filter, limit, after) {
      const { sessionId, userId, since, until, outcome, phone, direction, dialState } = filter;
      const wanted: (SQL | undefined)[] = [
        sessionId === undefined ? undefined : eq(calls.sessionId, sessionId),
        userId === undefined ? undefined : eq(sessions.userId, userId),
        since === undefined ? undefined : gte(calls.startedAt, since),
        until === undefined ? undefined : lt(calls.startedAt, until),
        outcome === undefined ? undefined : eq(calls.outcome, outcome),
        phone && phoneIs(phone),
        direction && sql`${sessions.phone} ->> 'direction' = ${direction}`,
        dialState && sql`${calls.dial} ->> 'state' = ${dialState}`,
        after &&
          sql`(${calls.startedAt}, ${calls.id}) < (${after.startedAt.toISOString()}::timestamptz, ${after.id}::text)`,
      ];
      return store.query(async (db) => {
        const found = await selectCalls(db)
          .where(and(...wanted))
          .orderBy(desc(calls.startedAt), desc(calls.id))
          .limit(limit);
        return found.map(asCall);
      });
    },
    lose,
    async loseForgotten(before) {
      const forgotten = await store.query((db) =>
        db
          .selectDistinct({ sessionId: calls.sessionId })
          .from(calls)
          .innerJoin(sessions, eq(calls.sessionId, sessions.id))
          .where(and(isNull(calls.endedAt), lt(sessions.endedAt, before)))
          .limit(MOST_FORGOTTEN),
      );
      for (const { sessionId } of forgotten) await lose(sessionId);
    },
  };

  async function tellStart(tx: Database, id: string): Promise<void> {
    const call = onStarted && (await readCall(tx, id));
    if (call !== undefined) await onStarted?.(tx, call);
  }

  async function tellEnd(tx: Database, id: string): Promise<void> {
    const history = onEnded && (await readHistory(tx, id));
    if (history !== undefined) await onEnded?.(tx, history);
  }
}

type CallRow = typeof calls.$inferSelect;

/** Of a call that is lost, nobody will say any more that it was answered. */
const NOT_RINGING = sql`case when ${calls.dial} ->> 'state' = 'ringing'
  then jsonb_set(${calls.dial}::jsonb, '{state}', '"failed"')::json else ${calls.dial} end`;

/** Whether its row was there before its agent said anything. */
function isPlaced({ dial, lastEvent }: CallRow): boolean {
  return dial !== null && lastEvent === 0;
}

/** The agent of a call that we placed begins when somebody has answered, whether or not whoever dialled is there to say so. */
function dialAfter(dial: KeptDial | null, events: readonly CallEvent[]): KeptDial | null {
  const began = events.find(({ type }) => type === 'call.started');
  if (dial === null || dial.state === 'answered' || began === undefined) return dial;
  return dialEnded(dial, { state: 'answered', sipStatus: 200, sipReason: 'OK' }, new Date(began.at));
}

/** Keeps a session from being deleted while this transaction writes what hangs on it. */
async function holdSession(tx: Database, id: string): Promise<boolean> {
  const held = await tx
    .select({ id: sessions.id })
    .from(sessions)
    .where(eq(sessions.id, id))
    .for('key share');
  return held.length > 0;
}

/** The call for this transaction alone; its session first, in the order in which both are deleted. */
async function lock(tx: Database, id: string): Promise<CallRow | undefined> {
  await tx
    .select({ id: sessions.id })
    .from(sessions)
    .innerJoin(calls, eq(calls.sessionId, sessions.id))
    .where(eq(calls.id, id))
    .for('key share', { of: sessions });
  const [row] = await tx.select().from(calls).where(eq(calls.id, id)).for('update');
  return row;
}

async function addTurns(tx: Database, callId: string, events: readonly CallEvent[]): Promise<void> {
  const said = events.filter((event) => event.type === 'turn');
  if (said.length === 0) return;
  const [last] = await tx
    .select({ number: max(turns.number) })
    .from(turns)
    .where(eq(turns.callId, callId));
  const before = last?.number ?? 0;
  await tx.insert(turns).values(
    said.map((turn, index) => ({
      callId,
      number: before + 1 + index,
      role: turn.role,
      text: turn.text,
      at: new Date(turn.at),
      interrupted: turn.interrupted,
      interruptedAtMs: turn.interrupted_at_ms ?? null,
      latencies: turn.latencies,
      tools: turn.tools,
    })),
  );
}

async function addUsage(tx: Database, callId: string, used: readonly ModelUsage[]): Promise<void> {
  if (used.length === 0) return;
  const rows = used.map(({ kind, model, requests, input_tokens, output_tokens, characters, audio_ms }) => ({
    callId,
    kind,
    model,
    requests,
    inputTokens: input_tokens,
    outputTokens: output_tokens,
    characters,
    audioMs: audio_ms,
  }));
  await tx.insert(usage).values(rows).onConflictDoNothing();
}
