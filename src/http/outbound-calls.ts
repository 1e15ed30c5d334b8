import { createHash, randomUUID } from 'node:crypto';
import type { Call } from '../calls/call.ts';
import type { CallStore } from '../calls/call-store.ts';
import type { DialEnd } from '../calls/dial.ts';
import type { PlacedCalls } from '../calls/placed-calls.ts';
import type { Config, Language } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import { every } from '../every.ts';
import type { LiveKit } from '../rooms/livekit.ts';
import { closeRoom } from '../rooms/open-room.ts';
import { findOutboundTrunk } from '../rooms/outbound-trunk.ts';
import { hasAnswered, placeSipCall, type SipCallResult, type Way } from '../rooms/place-sip-call.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import { digitsOf, phoneNumber } from '../sessions/phone-number.ts';
import { isOpen, type Session } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Logger } from '../telemetry/log.ts';
import { type Callee, callee } from './callee.ts';
import type { Conversations } from './conversations.ts';

export interface OutboundRequest {
  /** As it was sent. */
  to: string;
  userId?: string | undefined;
  dataTools?: DataTools | undefined;
  profile?: string | undefined;
  language?: Language | undefined;
  /** In E.164. */
  callerId?: string | undefined;
  /** Id or name. */
  trunk?: string | undefined;
}

/** Calls that we place. */
export interface OutboundCalls {
  /**
   * Begins to call somebody; how it goes on stands in the history.
   *
   * @param idempotencyKey - the same request with the same key places one call, whichever servers it comes to
   * @returns the call, and whether this request placed it
   * @throws CharlaError `CHARLA_REQUEST_INVALID`, `CHARLA_NUMBER_NOT_ALLOWED`, `CHARLA_IDEMPOTENCY_CONFLICT`,
   *   `CHARLA_SIP_TRUNK_MISSING`, `CHARLA_SIP_TRUNK_FULL`, and as {@link Conversations.start}
   */
  place(request: OutboundRequest, idempotencyKey?: string): Promise<{ call: Call; isNew: boolean }>;
  /** Finds out what became of calls whose server is gone. @throws CharlaError as {@link PlacedCalls} and `LiveKit.request` */
  catchUp(signal?: AbortSignal): Promise<void>;
  /** From now on others find out. */
  close(): void;
}

export interface OutboundCallsParts {
  config: Config;
  livekit: LiveKit;
  log: Logger;
  sessions: Pick<SessionStore, 'get' | 'getCached' | 'activate'>;
  calls: Pick<CallStore, 'get'>;
  placed: PlacedCalls;
  conversations: Pick<Conversations, 'startPlaced' | 'end'>;
}

/** livekit-server answers this long after the time of ringing at most. */
const ANSWER_MS = 20_000;
/** Between two looks whether a call that rings is still wanted. */
const CLOSED_MS = 1_000;
/** Calls that are looked after at once; the rest the next time. */
const MOST_FORGOTTEN = 100;
/** What a phone shows of a call that goes to a SIP address without a trunk. */
const CALLER_WITHOUT_TRUNK = 'charla';

const BUSY: ReadonlySet<number> = new Set([486, 600]);
/** Request Timeout, Temporarily Unavailable, Request Terminated. */
const NO_ANSWER: ReadonlySet<number> = new Set([408, 480, 487]);

export function createOutboundCalls(parts: OutboundCallsParts): OutboundCalls {
  const { config, livekit, log, sessions, calls, placed, conversations } = parts;
  let isClosed = false;

  const wayTo = async ({ callerId, trunk: wanted }: OutboundRequest, { address }: Callee) => {
    if (address !== undefined) {
      const from = callerId ?? CALLER_WITHOUT_TRUNK;
      return { way: { address }, trunk: address, from, callerId: callerId ?? null };
    }
    const { id, numbers } = await findOutboundTrunk(livekit, wanted ?? config.SIP_OUTBOUND_TRUNK);
    const own =
      callerId === undefined ? numbers[0] : numbers.find((number) => isSameNumber(number, callerId));
    if (own === undefined && numbers.length > 0) throw invalid('caller_id', 'is not a number of the trunk');
    const from = own ?? callerId;
    if (from === undefined) throw invalid('caller_id', 'is needed: the trunk has no number of its own');
    return { way: { trunkId: id }, trunk: id, from, callerId: from };
  };

  const finish = async (id: string, sessionId: string, end: DialEnd, outcome?: string) => {
    const rang = await placed.endRinging(id, end, outcome);
    if (rang) {
      log.info(
        { call: id, state: end.state, sipStatus: end.sipStatus },
        'a call that was placed rings no more',
      );
    }
    if (end.state !== 'answered') {
      // What others noted holds: the agent may talk with somebody though nobody told us of it.
      if (rang) await endSession(sessionId);
      return;
    }
    // It may have been ended in the moment in which somebody answered.
    if (await sessions.activate(sessionId)) return;
    await placed.cancelAnswered(id);
    await endSession(sessionId);
  };

  /** Deleted sessions have taken their calls along. */
  const endSession = async (id: string) => {
    await conversations.end(id).catch((error: unknown) => {
      if (!(error instanceof CharlaError && error.code === 'CHARLA_SESSION_NOT_FOUND')) throw error;
    });
  };

  const dial = async (call: { id: string; session: Session; to: string; from: string; way: Way }) => {
    const { id, session, to, from, way } = call;
    // Whoever calls into a room that was closed meanwhile opens it again.
    const stopWatching = every(
      CLOSED_MS,
      async () => {
        const now = await sessions.getCached(session.id);
        if (now === undefined || !isOpen(now)) await closeRoom(livekit, session.room);
      },
      { onError: (error) => log.warn({ err: error, call: id }, 'a call that is over may ring on') },
    );
    const result = await placeSipCall(livekit, {
      room: session.room,
      way,
      to,
      from,
      ringSeconds: config.OUTBOUND_RING_SECONDS,
      maxSeconds: config.SESSION_MAX_MINUTES * 60,
    }).catch((error: unknown): SipCallResult => {
      log.warn({ err: error, call: id }, 'a call could not be placed');
      const reason = error instanceof CharlaError ? String(error.fields.reason ?? error.title) : undefined;
      return { answered: false, status: undefined, reason, unanswered: false };
    });
    await stopWatching();
    if (isClosed) return;
    const now = result.answered ? undefined : await sessions.get(session.id);
    const isCanceled = now !== undefined && !isOpen(now);
    await finish(id, session.id, dialEnd(result, isCanceled));
  };

  return {
    async place(request, idempotencyKey) {
      const { userId, dataTools, profile, language } = request;
      const who = callee(request.to, config);
      const hash = createHash('sha256').update(JSON.stringify(request)).digest('hex');
      const knownCall = async () => idempotencyKey && placed.known(idempotencyKey, hash);
      const before = await knownCall();
      if (before) return { call: before, isNew: false };

      const { way, trunk, from, callerId } = await wayTo(request, who);
      const id = randomUUID();
      const ringsUntil = new Date(Date.now() + config.OUTBOUND_RING_SECONDS * 1000 + ANSWER_MS);
      const session = await conversations.startPlaced(
        {
          userId: userId ?? who.name,
          channel: 'sip',
          phone: { direction: 'outbound', caller: callerId, called: who.name },
          ...(dataTools !== undefined && { dataTools }),
          ...(profile !== undefined && { profile }),
          ...(language !== undefined && { language }),
        },
        {
          room: `call-${id}`,
          reserve: ({ id: sessionId }) =>
            placed.place(
              { id, sessionId, to: who.name, callerId, trunk, ringsUntil, idempotencyKey, request: hash },
              config.SIP_TRUNK_MAX_CALLS,
            ),
        },
      );
      const call = session === undefined ? await knownCall() : await calls.get(id);
      // Only a session that was deleted meanwhile takes its call along.
      if (!call) throw new CharlaError('CHARLA_CALL_NOT_FOUND', { id });
      if (session !== undefined) {
        log.info({ call: id, session: session.id, trunk }, 'a call is placed');
        dial({ id, session, to: who.user, from, way }).catch((error: unknown) =>
          log.error({ err: error, call: id }, 'how a call went on could not be noted; it will be'),
        );
      }
      return { call, isNew: session !== undefined };
    },

    async catchUp(signal) {
      for (const { id, sessionId } of await placed.listForgotten(new Date(), MOST_FORGOTTEN)) {
        if (signal?.aborted) return;
        const session = await sessions.get(sessionId);
        if (session === undefined) continue;
        const unknown = { sipStatus: null, sipReason: null };
        if (!isOpen(session)) await finish(id, sessionId, { state: 'canceled', ...unknown });
        else if (await hasAnswered(livekit, session.room)) await finish(id, sessionId, ANSWERED);
        else await finish(id, sessionId, { state: 'failed', ...unknown }, 'lost');
      }
    },

    close() {
      isClosed = true;
    },
  };
}

const ANSWERED: DialEnd = { state: 'answered', sipStatus: 200, sipReason: 'OK' };

/** @param isCanceled - whether the session was over by then */
function dialEnd(result: SipCallResult, isCanceled: boolean): DialEnd {
  if (result.answered) return ANSWERED;
  const { status, reason = null, unanswered } = result;
  if (status === undefined) {
    if (isCanceled) return { state: 'canceled', sipStatus: null, sipReason: null };
    return { state: unanswered ? 'no_answer' : 'failed', sipStatus: null, sipReason: reason };
  }
  const state = BUSY.has(status) ? 'busy' : NO_ANSWER.has(status) ? 'no_answer' : 'failed';
  return { state, sipStatus: status, sipReason: reason };
}

/** Carriers write numbers with and without their `+`. */
function isSameNumber(one: string, another: string): boolean {
  return digitsOf(phoneNumber(one) ?? one) === digitsOf(phoneNumber(another) ?? another);
}

function invalid(field: string, reason: string): CharlaError {
  return new CharlaError('CHARLA_REQUEST_INVALID', { problems: `/${field}: ${reason}` });
}
