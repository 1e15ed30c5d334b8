import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from '@fastify/websocket';
import type { Config } from '../../config/config.ts';
import { CharlaError, messageOf } from '../../errors.ts';
import { shownNumber } from '../../sessions/phone-number.ts';
import type { Logger } from '../../telemetry/log.ts';
import { TELNYX_PATHS } from '../carrier-paths.ts';
import { type CarrierPhrases, carrierPhrases } from '../carrier-phrases.ts';
import type { Gateway, GatewayCall } from '../line.ts';
import { type StreamLine, takeMediaStream } from '../media-stream.ts';
import { createOnce } from '../once.ts';
import { createStreamTokens, type StreamCall } from '../stream-tokens.ts';
import { createWaitingStreams, mostWaiting } from '../waiting-streams.ts';
import { createKeys } from './keys.ts';
import { type CallState, callState, createTelnyx, type TelnyxAccount } from './telnyx-api.ts';
import { type TelnyxEvent, type TelnyxWebhook, telnyxEvent } from './telnyx-events.ts';
import { telnyxFormat } from './telnyx-format.ts';
import { TelnyxLine } from './telnyx-line.ts';
import { webhookVerifier } from './verify-webhook.ts';

/** Telnyx repeats a webhook that was not answered for less than this long, and none comes this much too late. */
const REMEMBERED_MS = 10 * 60_000;
/** A sentence of ours is over, whether or not Telnyx says so. */
const SENTENCE_MS = 20_000;

/** The calls of one Telnyx account. */
export interface TelnyxCalls {
  /**
   * Whether Telnyx sent a webhook, and what it is the JSON of.
   *
   * @param body - byte for byte as it came
   * @throws CharlaError `CHARLA_SIGNATURE_INVALID`
   */
  verify(body: string, headers: IncomingHttpHeaders): Promise<unknown>;
  /**
   * Does what a webhook asks for, after it returns: Telnyx waits for its answer. Whatever goes wrong is logged, and the call
   * is ended.
   */
  take(webhook: TelnyxWebhook, options?: { profile?: string | undefined }): void;
  /** Takes the WebSocket of a stream. @param from - `token` of its URL; `address` of who opened it, where that is known */
  takeStream(socket: WebSocket, from: { token?: string | undefined; address?: string | undefined }): void;
  /** Waits for what is being done. */
  close(): Promise<void>;
}

export type TelnyxConfig = TelnyxAccount & { PUBLIC_URL: string } & Pick<
    Config,
    'LANGUAGE' | 'LIVEKIT_API_SECRET' | 'MAX_GATEWAY_CALLS'
  >;

export interface TelnyxCallsParts {
  config: TelnyxConfig;
  gateway: Gateway;
  log: Logger;
}

/** A call whose stream this process has. */
interface Running {
  line: TelnyxLine;
  call: GatewayCall;
  press: ReturnType<typeof createKeys>;
}

/**
 * Brings calls of Telnyx into rooms over its media streams; answers, ends, transfers and apologises by its REST API.
 *
 * Webhooks come twice, late and in any order, and, where several `charla serve` stand behind one address, to any of them. So
 * each is right whatever came before it, and what has to be known of its call comes back with it (`client_state`).
 */
export function createTelnyxCalls({ config, gateway, log: parentLog }: TelnyxCallsParts): TelnyxCalls {
  const { PUBLIC_URL, LANGUAGE, MAX_GATEWAY_CALLS: limit } = config;
  const log = parentLog.child({ channel: 'telnyx' });
  const { client, api } = createTelnyx(config);
  const tokens = createStreamTokens(config);
  const waiting = createWaitingStreams(mostWaiting(config));
  const phrases = carrierPhrases(LANGUAGE);
  const streamUrl = `${PUBLIC_URL.replace(/^http/, 'ws')}${TELNYX_PATHS.mediaStream}`;
  const events = createOnce();
  /** Calls that were answered, refused, or are over. */
  const met = createOnce();
  /** Calls that are none of ours to end any more: they were hung up, or given to somebody else. */
  const hungUp = createOnce();
  const running = new Map<string, Running>();
  const work = new Set<Promise<void>>();

  const inBackground = (callId: string, job: Promise<void>) => {
    const done: Promise<void> = job
      .catch((error: unknown) => {
        log.error({ callId, reason: messageOf(error) }, 'Telnyx did not do what a call needed');
      })
      .finally(() => work.delete(done));
    work.add(done);
    return done;
  };

  /** Once, whoever asks for it: the end of a call has many signs. */
  const hangUp = async (callId: string) => {
    if (!hungUp.use(callId, Date.now() + REMEMBERED_MS)) return;
    try {
      await api.hangUp(callId);
    } catch (error) {
      hungUp.giveBack(callId);
      throw error;
    }
  };

  const apologise = async (callId: string, phrase: keyof CarrierPhrases) => {
    try {
      await api.say(callId, phrases[phrase], LANGUAGE);
    } catch (error) {
      await hangUp(callId);
      throw error;
    }
    // Telnyx says when the sentence is over; if it does not, the call ends all the same.
    setTimeout(() => inBackground(callId, hangUp(callId)), SENTENCE_MS).unref();
  };

  const answer = async (
    { call_control_id: callId, from, to }: Extract<TelnyxEvent, { event_type: 'call.initiated' }>['payload'],
    profile: string | undefined,
  ) => {
    if (gateway.calls >= limit) {
      log.warn({ limit }, 'a call found all lines busy');
      await api.rejectBusy(callId);
      return;
    }
    const phone = { direction: 'inbound', caller: shownNumber(from), called: shownNumber(to) } as const;
    const token = await tokens.issue({ channel: 'telnyx', callId, phone, profile });
    try {
      await api.answer(callId, `${streamUrl}?token=${token}`);
    } catch (error) {
      // Telnyx may have taken it all the same.
      await hangUp(callId).catch(() => undefined);
      throw error;
    }
  };

  /** It is of no use without its sound, unless somebody else has it now, or it is being told so. */
  const endWithoutStream = (callId: string, state: CallState | undefined) => {
    if (state !== undefined) return;
    const known = running.get(callId);
    if (known === undefined) inBackground(callId, hangUp(callId));
    else known.call.end('line_failed');
  };

  const end = (callId: string) => {
    // What comes late does not begin it, nor end it again.
    met.use(callId, Date.now() + REMEMBERED_MS);
    hungUp.use(callId, Date.now() + REMEMBERED_MS);
    running.get(callId)?.call.end('caller_hung_up');
  };

  const handle = (event: TelnyxEvent, profile: string | undefined) => {
    const { call_control_id: callId, client_state } = event.payload;
    const state = callState(client_state);
    // Of the leg that a transfer of a call makes.
    const [, transferred] = state?.match(/^leg_of:(.+)$/s) ?? [];
    switch (event.event_type) {
      case 'call.initiated': {
        if (event.payload.direction === 'outgoing' || !met.use(callId, Date.now() + REMEMBERED_MS)) return;
        inBackground(callId, answer(event.payload, profile));
        return;
      }
      case 'call.hangup': {
        if (transferred === undefined) end(callId);
        else running.get(transferred)?.line.transferEnded(event.payload.hangup_cause ?? 'nobody answered');
        return;
      }
      case 'call.bridged':
        running.get(transferred ?? callId)?.line.transferEnded();
        return;
      case 'call.dtmf.received':
        running.get(callId)?.press('webhook', event.payload.digit);
        return;
      case 'call.speak.ended':
        if (state === 'saying_goodbye') inBackground(callId, hangUp(callId));
        return;
      case 'streaming.stopped':
      case 'streaming.failed':
        endWithoutStream(callId, state);
        return;
      case 'call.answered':
      case 'streaming.started':
        log.debug({ callId, event: event.event_type }, 'a call goes as it should');
    }
  };

  const open = async (streamed: StreamCall, stream: StreamLine): Promise<GatewayCall> => {
    const { callId, profile } = streamed;
    const line = new TelnyxLine(streamed, {
      stream,
      api,
      hangUp: () => hangUp(callId),
      givenAway: () => {
        hungUp.use(callId, Date.now() + REMEMBERED_MS);
      },
      apologise: () => apologise(callId, 'failed'),
    });
    const call = await gateway.open(line, profile === undefined ? {} : { profile });
    const press = createKeys((digit) => call.digit(digit));
    running.set(callId, { line, call, press });
    void call.ended.finally(() => running.delete(callId));
    return {
      sessionId: call.sessionId,
      ended: call.ended,
      receive: (samples) => call.receive(samples),
      digit: (digit) => press('stream', digit),
      played: (name) => call.played(name),
      end: (why) => call.end(why),
    };
  };

  return {
    verify: webhookVerifier(client),
    take({ data }, { profile } = {}) {
      if (!events.use(data.id, Date.now() + REMEMBERED_MS)) return;
      const event = telnyxEvent(data);
      if (event !== undefined) handle(event, profile);
    },
    takeStream(socket, { token, address }) {
      const refused = ({ callId }: StreamCall, error?: unknown) => {
        const isFull = error instanceof CharlaError && error.code === 'CHARLA_CALLS_FULL';
        return inBackground(callId, apologise(callId, isFull ? 'busy' : 'failed'));
      };
      takeMediaStream(socket, { format: telnyxFormat, log, tokens, waiting, token, address, open, refused });
    },
    async close() {
      await Promise.all(work);
    },
  };
}
