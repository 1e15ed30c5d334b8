import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Config, Language } from '../../config/config.ts';
import { CharlaError } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { TOO_LATE, within } from '../../within.ts';
import type { Gateway, GatewayCall, Line } from '../line.ts';
import { FrameClock } from './frame-clock.ts';
import { registerGatewayMetrics } from './gateway-metrics.ts';
import { RunningCall } from './running-call.ts';

/** A room with the session of a call, and what its person joins it with. */
export interface OpenedCall {
  sessionId: string;
  language: Language;
  url: string;
  token: string;
}

export interface GatewayParts {
  config: Pick<Config, 'MAX_GATEWAY_CALLS' | 'GATEWAY_CALL_MINUTES'>;
  log: Logger;
  registry: Registry;
  /**
   * The session of a call, and its room, which is opened unless it is open already.
   *
   * @throws CharlaError
   */
  openCall(
    line: Line,
    options: { room: string; profile?: string; dataTools?: Record<string, unknown> },
  ): Promise<OpenedCall>;
  /**
   * What people hear while livekit-server is away: 16-bit PCM, mono, 8 kHz; undefined where it cannot be made. Asked for
   * when a call begins too, so that it is there in time.
   */
  awaySentence(language: Language): Promise<Int16Array | undefined>;
  /** Told that the person has left the room for good. */
  closeCall(sessionId: string): Promise<void>;
}

/** All calls are over within this long after the gateway closes; the process does not wait longer. */
const CLOSE_MS = 25_000;

/** Brings the calls of carriers into rooms. */
export function createGateway(parts: GatewayParts): Gateway {
  const { config, log, registry, openCall, closeCall, awaySentence } = parts;
  /** And when each of them is over and closed. */
  const running = new Map<RunningCall, Promise<void>>();
  const opening = new Set<Promise<GatewayCall>>();
  const closing = new Set<Promise<void>>();
  /** With those that are being opened. */
  let calls = 0;
  let isClosed = false;
  const metrics = registerGatewayMetrics(registry, () => calls);
  const clock = new FrameClock((ms) => metrics.late(ms));

  const closeNow = (session: string) => {
    const closed: Promise<void> = closeCall(session)
      .catch((error: unknown) => log.error({ err: error, session }, 'a call was not closed'))
      .finally(() => closing.delete(closed));
    closing.add(closed);
    return closed;
  };

  const begin: Gateway['open'] = async (line, options = {}) => {
    // LiveKit's native library is loaded by who has calls.
    const { PersonInRoom } = await import('./person-in-room.ts');
    const room = `call-${randomUUID()}`;
    /** Another one when the first is over before its room is there again. */
    let sessionId = '';
    const openRoom = async () => {
      const opened = await openCall(line, { ...options, room });
      sessionId = opened.sessionId;
      return opened;
    };
    const first = await openRoom();
    let opened: OpenedCall | undefined = first;
    const call = new RunningCall({
      line,
      clock,
      metrics,
      sessionId: first.sessionId,
      log: log.child({ session: first.sessionId, channel: line.channel, call: line.callId }),
      maxMs: config.GATEWAY_CALL_MINUTES * 60_000,
      reopen: openRoom,
      sentence: () => awaySentence(first.language),
      join: async (listener) => {
        const joining = opened ?? (await openRoom());
        // Its token is for once: livekit-server may have forgotten the room since.
        opened = undefined;
        return PersonInRoom.join(joining, listener);
      },
    });
    try {
      await call.begin();
    } catch (error) {
      // Not awaited: the caller is to hear an apology.
      void closeNow(sessionId);
      throw error;
    }
    const closed = call.ended
      .then(() => closeNow(sessionId))
      .finally(() => {
        running.delete(call);
        calls -= 1;
      });
    running.set(call, closed);
    void awaySentence(first.language);
    return call;
  };

  const endAll = async () => {
    // Those that are being opened are calls then.
    await Promise.allSettled(opening);
    for (const call of running.keys()) call.end('agent_hung_up');
    await Promise.all([...running.values(), ...closing]);
  };

  return {
    get calls() {
      return calls;
    },
    async open(line, options) {
      const limit = isClosed ? 0 : config.MAX_GATEWAY_CALLS;
      if (calls >= limit) throw new CharlaError('CHARLA_CALLS_FULL', { limit });
      calls += 1;
      const call = begin(line, options);
      opening.add(call);
      try {
        return await call;
      } catch (error) {
        calls -= 1;
        throw error;
      } finally {
        opening.delete(call);
      }
    },
    async close() {
      isClosed = true;
      for (const call of running.keys()) call.end('agent_hung_up');
      if ((await within(CLOSE_MS, endAll())) === TOO_LATE)
        log.error({ calls }, 'calls were not over when their gateway closed');
    },
  };
}
