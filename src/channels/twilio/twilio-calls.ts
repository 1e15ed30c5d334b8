import type { WebSocket } from '@fastify/websocket';
import type { Config } from '../../config/config.ts';
import { CharlaError, messageOf } from '../../errors.ts';
import { shownNumber } from '../../sessions/phone-number.ts';
import type { Logger } from '../../telemetry/log.ts';
import { TWILIO_PATHS } from '../carrier-paths.ts';
import { type CarrierPhrases, carrierPhrases } from '../carrier-phrases.ts';
import type { Gateway, GatewayCall, Line, LineEnd } from '../line.ts';
import { type StreamLine, takeMediaStream } from '../media-stream.ts';
import { createStreamTokens, type StreamCall } from '../stream-tokens.ts';
import { createWaitingStreams, mostWaiting } from '../waiting-streams.ts';
import { isSignedByTwilio, type TwilioRequest } from './signature.ts';
import { twilioFormat } from './stream-format.ts';
import { createTwilioApi, type TwilioAccount } from './twilio-api.ts';
import { connectStream, dial, hangUp, sayAndHangUp } from './twiml.ts';

/** A call that Twilio asks about, in Twilio's own words. */
export interface TwilioCall {
  CallSid: string;
  From?: string | undefined;
  To?: string | undefined;
  /** `inbound`, or one that somebody placed through Twilio's API: `outbound-api`, `outbound-dial`. */
  Direction?: string | undefined;
  /** What came of the number that the call was given to. */
  DialCallStatus?: string | undefined;
  profile?: string | undefined;
}

/** The calls of one Twilio account. */
export interface TwilioCalls {
  /** Whether Twilio sent a webhook. @param request.url - path and query, as they came */
  isSigned(request: TwilioRequest): boolean;
  /** What Twilio is to do with a call: TwiML. */
  answer(call: TwilioCall): Promise<string>;
  /** What Twilio is to do with a call that cannot be answered: TwiML. */
  apologise(): string;
  /** Twilio says that a call is over. One of another `charla serve` ends there, with its stream. */
  finish(callSid: string): void;
  /** Takes the WebSocket of a stream. @param address - who opened it, where that is known */
  takeStream(socket: WebSocket, address?: string): void;
}

export type TwilioConfig = TwilioAccount & { PUBLIC_URL: string } & Pick<
    Config,
    'LANGUAGE' | 'LIVEKIT_API_SECRET' | 'MAX_GATEWAY_CALLS'
  >;

export interface TwilioCallsParts {
  config: TwilioConfig;
  gateway: Gateway;
  log: Logger;
}

/** A call from the time that its stream begins. */
interface Running {
  call?: GatewayCall;
  /** Twilio said so. */
  isOver: boolean;
}

/** Brings calls of Twilio into rooms over its media streams, and ends, transfers and apologises by its API. */
export function createTwilioCalls({ config, gateway, log }: TwilioCallsParts): TwilioCalls {
  const { PUBLIC_URL, TWILIO_AUTH_TOKEN, LANGUAGE } = config;
  const api = createTwilioApi(config);
  const tokens = createStreamTokens(config);
  const waiting = createWaitingStreams(mostWaiting(config));
  const phrases = carrierPhrases(LANGUAGE);
  const streamUrl = `${PUBLIC_URL.replace(/^http/, 'ws')}${TWILIO_PATHS.mediaStream}`;
  const running = new Map<string, Running>();

  const say = (phrase: keyof CarrierPhrases) => sayAndHangUp(phrases[phrase], LANGUAGE);
  const comeBack = (profile: string | undefined) =>
    `${PUBLIC_URL}${TWILIO_PATHS.incomingCall}${profile === undefined ? '' : `?profile=${profile}`}`;

  /** The call may be over already, of which Twilio tells as a failure too. */
  const tryTo = async (callId: string, asked: Promise<void>) => {
    await asked.catch((error: unknown) => {
      log.info({ channel: 'twilio', callId, reason: messageOf(error) }, 'Twilio did not end a call');
    });
  };

  const close = async (callId: string, end: LineEnd, stream: StreamLine) => {
    if (end === 'room_failed') {
      // While the stream is open: after it the call is over.
      await tryTo(callId, api.continueWith(callId, say('failed')));
      stream.hangUp();
      return;
    }
    stream.hangUp();
    if (end !== 'caller_hung_up' && end !== 'transferred') await tryTo(callId, api.complete(callId));
  };

  const open = async ({ callId, phone, profile }: StreamCall, stream: StreamLine): Promise<GatewayCall> => {
    const state: Running = { isOver: false };
    running.set(callId, state);
    const forget = () => {
      if (running.get(callId) === state) running.delete(callId);
    };
    /** Whether the call is given away; while Twilio has not answered, a promise of that. */
    let transferred: Promise<boolean> | undefined;
    const line: Line = {
      channel: 'twilio',
      callId,
      phone,
      send: stream.send,
      clear: stream.clear,
      mark: stream.mark,
      get bufferedBytes() {
        return stream.bufferedBytes;
      },
      async transfer(to, { ringSeconds }) {
        const answer = api.continueWith(callId, dial(to, { back: comeBack(profile), ringSeconds }));
        transferred = answer.then(
          () => true,
          () => false,
        );
        await answer;
      },
      close: (end) => close(callId, end, stream),
    };
    let call: GatewayCall;
    try {
      call = await gateway.open(line, profile === undefined ? {} : { profile });
    } catch (error) {
      forget();
      const isFull = error instanceof CharlaError && error.code === 'CHARLA_CALLS_FULL';
      await tryTo(callId, api.continueWith(callId, say(isFull ? 'busy' : 'failed')));
      throw error;
    }
    void call.ended.finally(forget);
    const known: GatewayCall = {
      sessionId: call.sessionId,
      ended: call.ended,
      receive: (samples) => call.receive(samples),
      digit: (digit) => call.digit(digit),
      played: (name) => call.played(name),
      // Other TwiML stops the stream, before Twilio's answer to us: nobody has hung up, and the gateway ends what it has
      // transferred once the agent knows.
      end: (end) => {
        if (transferred === undefined) call.end(end);
        else void transferred.then((isAway) => (isAway ? undefined : call.end(end)));
      },
    };
    state.call = known;
    if (state.isOver) call.end('caller_hung_up');
    return known;
  };

  return {
    isSigned: ({ url, ...rest }) =>
      isSignedByTwilio(TWILIO_AUTH_TOKEN, { ...rest, url: `${PUBLIC_URL}${url}` }),
    async answer({ CallSid, From, To, Direction, DialCallStatus, profile }) {
      // Back from a number that the call was given to: only who reached nobody there comes back to the agent.
      if (DialCallStatus === 'completed' || DialCallStatus === 'answered') return hangUp();
      if (gateway.calls >= config.MAX_GATEWAY_CALLS) {
        log.warn({ channel: 'twilio', limit: config.MAX_GATEWAY_CALLS }, 'a call found all lines busy');
        return say('busy');
      }
      const token = await tokens.issue({
        channel: 'twilio',
        callId: CallSid,
        phone: {
          direction: Direction?.startsWith('outbound') ? 'outbound' : 'inbound',
          caller: shownNumber(From),
          called: shownNumber(To),
        },
        profile,
      });
      return connectStream(streamUrl, token);
    },
    apologise: () => say('failed'),
    finish(callSid) {
      const state = running.get(callSid);
      if (state === undefined) return;
      state.isOver = true;
      state.call?.end('caller_hung_up');
    },
    takeStream: (socket, address) =>
      takeMediaStream(socket, { format: twilioFormat, log, tokens, waiting, address, open }),
  };
}
