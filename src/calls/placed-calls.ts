import { and, asc, eq, isNull, lt, sql } from 'drizzle-orm';
import { CharlaError } from '../errors.ts';
import { calls } from '../store/schema.ts';
import type { Database, Store } from '../store/store.ts';
import type { Call, CallHistory } from './call.ts';
import { type Dial, type DialEnd, dialEnded, type KeptDial } from './dial.ts';
import { readCall, readHistory } from './read-calls.ts';

/** A call that is to ring. */
export interface NewPlacedCall extends Pick<Dial, 'to' | 'callerId' | 'trunk'> {
  id: string;
  sessionId: string;
  /** Tells how the ringing ended until then; later it may be {@link PlacedCalls.listForgotten}. */
  ringsUntil: Date;
  /** Of whoever asked for it. */
  idempotencyKey: string | undefined;
  /** The same for the same request. */
  request: string;
}

export interface RingingCall {
  id: string;
  sessionId: string;
}

/** Calls that we place, in the store that several servers share. Each function throws what {@link Store.query} throws. */
export interface PlacedCalls {
  /**
   * The call that an earlier request with this key placed.
   *
   * @throws CharlaError `CHARLA_IDEMPOTENCY_CONFLICT` when that was another request
   */
  known(idempotencyKey: string, request: string): Promise<Call | undefined>;
  /**
   * Keeps a call that rings from now on. Of several servers that do so at once no more than `maxCalls` go through one trunk.
   *
   * @returns whether it is kept; false when the call of this key is there already
   * @throws CharlaError `CHARLA_SIP_TRUNK_FULL`
   */
  place(call: NewPlacedCall, maxCalls: number): Promise<boolean>;
  /**
   * Notes how the ringing ended, once: whoever comes later changes nothing. Unless it was answered, the call is over.
   *
   * @param outcome - of a call that is over. @defaultValue its state
   * @returns whether it still rang
   */
  endRinging(id: string, end: DialEnd, outcome?: string): Promise<boolean>;
  /** Ends a call that was answered when it was to go on no more. */
  cancelAnswered(id: string): Promise<void>;
  /** Of a session: the call that its agent is to tell of, while it has not begun. */
  waiting(sessionId: string): Promise<string | undefined>;
  /** Calls of which nobody said in time how their ringing ended; oldest first. */
  listForgotten(now: Date, limit: number): Promise<RingingCall[]>;
}

export interface PlacedCallsOptions {
  /** As of the call store. */
  onEnded?: (db: Database, call: CallHistory) => Promise<void>;
}

/** A call to somewhere else is over sooner or later; when, nobody knows. */
const RETRY_AFTER_SECONDS = 10;

const rings = sql`${calls.dial} ->> 'state' = 'ringing'`;

export function createPlacedCalls(store: Store, { onEnded }: PlacedCallsOptions = {}): PlacedCalls {
  const known = (idempotencyKey: string, request: string) =>
    store.query(async (db) => {
      const [row] = await db
        .select({ id: calls.id, dial: calls.dial })
        .from(calls)
        .where(eq(calls.idempotencyKey, idempotencyKey));
      if (row === undefined) return undefined;
      if (row.dial?.request !== request) throw new CharlaError('CHARLA_IDEMPOTENCY_CONFLICT');
      return readCall(db, row.id);
    });

  /** Locks a call and changes it; tells of its end if it has one now. */
  const change = (id: string, next: (row: Row) => Partial<Row> | undefined) =>
    store.query((db) =>
      db.transaction(async (tx) => {
        const [row] = await tx.select().from(calls).where(eq(calls.id, id)).for('update');
        const changed = row && next(row);
        if (changed === undefined) return false;
        await tx.update(calls).set(changed).where(eq(calls.id, id));
        if (changed.endedAt instanceof Date) {
          const history = onEnded && (await readHistory(tx, id));
          if (history !== undefined) await onEnded?.(tx, history);
        }
        return true;
      }),
    );

  return {
    known,
    place({ id, sessionId, to, callerId, trunk, ringsUntil, idempotencyKey, request }, maxCalls) {
      const dial: KeptDial = {
        state: 'ringing',
        to,
        caller_id: callerId,
        trunk,
        sip_status: null,
        sip_reason: null,
        answered_at: null,
        rings_until: ringsUntil.toISOString(),
        request,
      };
      const row = {
        id,
        sessionId,
        startedAt: new Date(),
        dial,
        idempotencyKey: idempotencyKey ?? null,
        lastEvent: 0,
      };
      return store.query((db) =>
        db.transaction(async (tx) => {
          // One after another for each trunk, whichever server asks: nobody counts while somebody else adds one.
          await tx.execute(
            sql`select pg_advisory_xact_lock(hashtextextended(${`charla trunk ${trunk}`}, 0))`,
          );
          if (idempotencyKey !== undefined && (await hasKey(tx, idempotencyKey))) return false;
          const open = await tx.$count(
            calls,
            and(isNull(calls.endedAt), sql`${calls.dial} ->> 'trunk' = ${trunk}`),
          );
          if (open >= maxCalls) {
            throw new CharlaError('CHARLA_SIP_TRUNK_FULL', {
              trunk,
              limit: maxCalls,
              retryAfterSeconds: RETRY_AFTER_SECONDS,
            });
          }
          const inserted = await tx
            .insert(calls)
            .values(row)
            .onConflictDoNothing({ target: calls.idempotencyKey })
            .returning({ id: calls.id });
          return inserted.length > 0;
        }),
      );
    },

    endRinging(id, end, outcome = end.state) {
      const at = new Date();
      return change(id, ({ dial }) => {
        if (dial?.state !== 'ringing') return undefined;
        const over = end.state === 'answered' ? {} : { endedAt: at, outcome };
        return { dial: dialEnded(dial, end, at), ...over };
      });
    },

    async cancelAnswered(id) {
      await change(id, ({ dial, endedAt }) =>
        dial === null || endedAt !== null ? undefined : { endedAt: new Date(), outcome: 'canceled' },
      );
    },

    waiting(sessionId) {
      return store.query(async (db) => {
        const [row] = await db
          .select({ id: calls.id })
          .from(calls)
          .where(
            and(
              eq(calls.sessionId, sessionId),
              isNull(calls.endedAt),
              eq(calls.lastEvent, 0),
              sql`${calls.dial} is not null`,
            ),
          )
          .limit(1);
        return row?.id;
      });
    },

    listForgotten(now, limit) {
      return store.query((db) =>
        db
          .select({ id: calls.id, sessionId: calls.sessionId })
          .from(calls)
          .where(
            and(
              isNull(calls.endedAt),
              rings,
              lt(sql`(${calls.dial} ->> 'rings_until')::timestamptz`, sql`${now.toISOString()}::timestamptz`),
            ),
          )
          .orderBy(asc(calls.startedAt))
          .limit(limit),
      );
    },
  };
}

type Row = typeof calls.$inferSelect;

async function hasKey(tx: Database, idempotencyKey: string): Promise<boolean> {
  return (await tx.$count(calls, eq(calls.idempotencyKey, idempotencyKey))) > 0;
}
