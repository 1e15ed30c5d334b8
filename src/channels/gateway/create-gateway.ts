import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Config, Language } from '../../config/config.ts';
import { CharlaError } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Gateway, Line } from '../line.ts';
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

/** Brings the calls of carriers into rooms. */
export function createGateway(parts: GatewayParts): Gateway {
  const { config, log, registry, openCall, closeCall, awaySentence } = parts;
  /** And when each of them is over and closed. */
  const running = new Map<RunningCall, Promise<void>>();
  /** With those that are being opened. */
  let calls = 0;
  const metrics = registerGatewayMetrics(registry, () => calls);
  const clock = new FrameClock((ms) => metrics.late(ms));

  const begin: Gateway['open'] = async (line, options = {}) => {
    const room = `call-${randomUUID()}`;
    const first = await openCall(line, { ...options, room });
    // LiveKit's native library is loaded by who has calls.
    const { PersonInRoom } = await import('./person-in-room.ts');
    let opened: OpenedCall | undefined = first;
    const call = new RunningCall({
      line,
      clock,
      metrics,
      sessionId: first.sessionId,
      log: log.child({ session: first.sessionId, channel: line.channel, call: line.callId }),
      maxMs: config.GATEWAY_CALL_MINUTES * 60_000,
      reopen: () => openCall(line, { ...options, room }),
      sentence: () => awaySentence(first.language),
      join: async (listener) => {
        const joining = opened ?? (await openCall(line, { ...options, room }));
        // Its token is for once: livekit-server may have forgotten the room since.
        opened = undefined;
        return PersonInRoom.join(joining, listener);
      },
    });
    try {
      await call.begin();
    } catch (error) {
      await closeCall(first.sessionId);
      throw error;
    }
    const closed = call.ended
      .then(() => closeCall(first.sessionId))
      .catch((error: unknown) => log.error({ err: error, session: first.sessionId }, 'a call was not closed'))
      .finally(() => {
        running.delete(call);
        calls -= 1;
      });
    running.set(call, closed);
    void awaySentence(first.language);
    return call;
  };

  return {
    get calls() {
      return calls;
    },
    async open(line, options) {
      const limit = config.MAX_GATEWAY_CALLS;
      if (calls >= limit) throw new CharlaError('CHARLA_CALLS_FULL', { limit });
      calls += 1;
      try {
        return await begin(line, options);
      } catch (error) {
        calls -= 1;
        throw error;
      }
    },
    async close() {
      for (const call of running.keys()) call.end('agent_hung_up');
      await Promise.all(running.values());
    },
  };
}
