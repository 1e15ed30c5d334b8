import { createHash, randomUUID } from 'node:crypto';
import { APIConnectionError, APIConnectionTimeoutError, APIError, Telnyx } from 'telnyx';
import { z } from 'zod';
import type { Config, Language } from '../../config/config.ts';
import { LOCALES } from '../../config/locales.ts';
import { CharlaError } from '../../errors.ts';

/** A caller waits for it; the SDK asks three times in all. */
const TIMEOUT_MS = 3_000;

/** What a command of ours gives, and every later webhook of the call brings back. */
export type CallState =
  /** The call is over when Telnyx has said a sentence. */
  | 'saying_goodbye'
  /** Somebody else has the call now: the end of its stream is not its end. */
  | 'transferred'
  /** The second leg of a transfer; the first one's `call_control_id` follows. */
  | `leg_of:${string}`;

/** What we ask of Telnyx about a call. Each throws CharlaError `CHARLA_CARRIER_FAILED`. */
export interface TelnyxApi {
  /** Takes an incoming call, and has Telnyx open the WebSocket for its sound: μ-law, 8 kHz, both ways. */
  answer(call: string, streamUrl: string): Promise<void>;
  /** Does not take an incoming call: the caller hears that the line is busy. */
  rejectBusy(call: string): Promise<void>;
  /** Ends a call; one that is over already stays so. */
  hangUp(call: string): Promise<void>;
  sendDigits(call: string, digits: string): Promise<void>;
  /** Rings at another number, and connects the call when somebody answers there. */
  transfer(call: string, to: string, options: { ringSeconds: number }): Promise<void>;
  /** Ends the stream of a call that goes on. */
  stopStream(call: string): Promise<void>;
  say(call: string, sentence: string, language: Language): Promise<void>;
}

export interface TelnyxAccount extends Pick<Config, 'TELNYX_API_URL'> {
  TELNYX_API_KEY: string;
  TELNYX_PUBLIC_KEY: string;
}

/**
 * Telnyx's SDK: its client checks webhooks, and speaks to the REST API. Repeats what may be repeated: each command has an
 * id, and Telnyx carries out one of the same id once.
 */
export function createTelnyx(account: TelnyxAccount): { client: Telnyx; api: TelnyxApi } {
  const client = new Telnyx({
    apiKey: account.TELNYX_API_KEY,
    publicKey: account.TELNYX_PUBLIC_KEY,
    baseURL: account.TELNYX_API_URL ?? null,
    timeout: TIMEOUT_MS,
    // What fails is logged by who asked.
    logLevel: 'off',
  });
  const { actions } = client.calls;
  const api: TelnyxApi = {
    answer: (call, streamUrl) =>
      asked('answer', () =>
        actions.answer(call, {
          command_id: sameFor(call, 'answer'),
          stream_url: streamUrl,
          stream_track: 'inbound_track',
          stream_codec: 'PCMU',
          stream_bidirectional_mode: 'rtp',
          stream_bidirectional_codec: 'PCMU',
          stream_bidirectional_target_legs: 'self',
        }),
      ),
    rejectBusy: (call) =>
      asked('reject', () =>
        actions.reject(call, { command_id: sameFor(call, 'reject'), cause: 'USER_BUSY' }),
      ),
    hangUp: (call) =>
      asked('hangup', () => actions.hangup(call, { command_id: sameFor(call, 'hangup') }).catch(exceptOver)),
    sendDigits: (call, digits) =>
      asked('send_dtmf', () => actions.sendDtmf(call, { command_id: randomUUID(), digits })),
    transfer: (call, to, { ringSeconds }) =>
      asked('transfer', () =>
        actions.transfer(call, {
          command_id: randomUUID(),
          to,
          timeout_secs: ringSeconds,
          target_leg_client_state: stateText(`leg_of:${call}`),
        }),
      ),
    stopStream: (call) =>
      asked('streaming_stop', () =>
        actions
          .stopStreaming(call, {
            command_id: sameFor(call, 'streaming_stop'),
            client_state: stateText('transferred'),
          })
          .catch(exceptOver),
      ),
    say: (call, sentence, language) =>
      asked('speak', () =>
        actions.speak(call, {
          command_id: sameFor(call, 'speak'),
          payload: sentence,
          voice: 'female',
          language: LOCALES[language],
          client_state: stateText('saying_goodbye'),
        }),
      ),
  };
  return { client, api };
}

/** @param text - `client_state` of a webhook @returns what a command of ours gave */
export function callState(text: string | null | undefined): CallState | undefined {
  const state = text === null || text === undefined ? '' : Buffer.from(text, 'base64').toString();
  return isCallState(state) ? state : undefined;
}

function isCallState(state: string): state is CallState {
  return state === 'saying_goodbye' || state === 'transferred' || state.startsWith('leg_of:');
}

function stateText(state: CallState): string {
  return Buffer.from(state).toString('base64');
}

/** Of a command that a call gets once, whoever gives it: two servers may have had the same webhook. */
function sameFor(call: string, command: string): string {
  return createHash('sha256').update(`${command} ${call}`).digest('hex').slice(0, 32);
}

/** What Telnyx answers about a call that is over, or that it no longer knows. */
function exceptOver(error: unknown): void {
  if (!(error instanceof APIError) || !(error.status === 404 || error.status === 422)) throw error;
}

async function asked(command: string, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (cause) {
    const fields = { carrier: 'Telnyx', command, reason: reasonOf(cause) };
    throw new CharlaError('CHARLA_CARRIER_FAILED', fields, { cause });
  }
}

const errorsSchema = z.object({ errors: z.array(z.object({ code: z.string() })).min(1) });

/** Without Telnyx's sentence, which may name a number. */
function reasonOf(error: unknown): string {
  if (error instanceof APIConnectionTimeoutError) return 'it did not answer in time';
  if (error instanceof APIConnectionError) return 'it cannot be reached';
  if (!(error instanceof APIError)) return 'the request could not be made';
  const code = errorsSchema.safeParse(error.error).data?.errors[0]?.code;
  return `it answered ${error.status}${code === undefined ? '' : `, error ${code}`}`;
}
