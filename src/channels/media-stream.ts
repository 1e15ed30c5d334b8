import type { WebSocket } from '@fastify/websocket';
import alawmulaw from 'alawmulaw';
import { messageOf } from '../errors.ts';
import { parseJson } from '../parse-json.ts';
import type { Logger } from '../telemetry/log.ts';
import { inOrder } from './in-order.ts';
import { type GatewayCall, LINE_RATE, type Line } from './line.ts';
import { PendingCall } from './pending-call.ts';
import type { StreamCall, StreamTokens } from './stream-tokens.ts';
import type { WaitingStreams } from './waiting-streams.ts';

/** What a carrier says over the media WebSocket of a call, whatever its words for it. */
export type StreamMessage =
  | StreamStart
  /** @param chunk - number of the piece of sound in its stream; the carrier need not keep them in order */
  | { kind: 'media'; chunk: number; payload: string }
  | { kind: 'digit'; digit: string }
  | { kind: 'mark'; name: string }
  | { kind: 'stop' }
  /** The carrier did not like what we sent. */
  | { kind: 'error'; reason: string }
  /** Sound that we sent ourselves, and whatever else is of no use. */
  | { kind: 'other' };

export interface StreamStart {
  kind: 'start';
  streamId: string;
  /** The carrier's id of the call. */
  callId: string;
  /** Where the carrier hands it on in this message. */
  token?: string | undefined;
  /** As the carrier writes it. */
  encoding: string;
  sampleRate: number;
  channels: number;
}

/** How one carrier writes its messages. */
export interface StreamFormat {
  readonly channel: StreamCall['channel'];
  /** Of μ-law, as its `start` names it. */
  readonly mulaw: string;
  /** @returns undefined for what is not of this carrier's protocol */
  read(message: unknown): StreamMessage | undefined;
  /** @param payload - μ-law in base64 */
  media(streamId: string, payload: string): object;
  mark(streamId: string, name: string): object;
  clear(streamId: string): object;
}

/** The part of a {@link Line} that goes through the WebSocket. */
export type StreamLine = Required<Pick<Line, 'send' | 'bufferedBytes' | 'clear' | 'mark'>> & {
  /** Ends the WebSocket. */
  hangUp(): void;
};

export interface MediaStreamOptions {
  format: StreamFormat;
  log: Logger;
  tokens: StreamTokens;
  waiting: WaitingStreams;
  /** Who opened it; undefined where that is not known. */
  address?: string | undefined;
  /** The token of the address that the carrier opened, where it does not come with `start`. */
  token?: string | undefined;
  /**
   * Opens the call of a stream that is as it should be. Sound that comes meanwhile is not kept: there is nobody yet to
   * hear it. Where there can be no call it throws, and the WebSocket is closed.
   */
  open(call: StreamCall, line: StreamLine): Promise<GatewayCall>;
  /**
   * The token was right, and there is no call: `open` threw this, or its sound is of another format. The WebSocket is closed
   * after it: at its end a carrier ends the call.
   */
  refused?(call: StreamCall, error?: unknown): Promise<void>;
}

/** Largest message that a carrier may send, bytes: a second of μ-law in base64 is 11 KB. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** A connection that has not said `start` after this long is closed. */
const START_MS = 5_000;
/** Messages that are none of the protocol; after more the call ends. */
const MAX_BAD_MESSAGES = 20;
/** A carrier answers the end of a WebSocket within this long. */
const CLOSE_MS = 2_000;

/** Codes of RFC 6455, 7.4.1, and of the registry that it began. */
const NORMAL = 1000;
const PROTOCOL = 1002;
const POLICY = 1008;
const INTERNAL = 1011;
const TRY_LATER = 1013;

/**
 * Takes the WebSocket over which a carrier sends the sound of a call and gets ours: μ-law, 8 kHz, mono, in JSON messages.
 * Whatever comes, it harms no other call, and the connection ends.
 */
export function takeMediaStream(socket: WebSocket, options: MediaStreamOptions): void {
  const { format, log, tokens, open } = options;
  const { channel } = format;
  const proven = options.waiting.enter(options.address);
  if (proven === undefined) {
    log.debug({ channel }, 'a media stream was refused: too many of its address have shown no token');
    socket.terminate();
    return;
  }
  const call = new PendingCall();
  let isStarted = false;
  let bad = 0;
  let isClosing = false;

  const close = (code: number, why: string) => {
    if (isClosing) return;
    isClosing = true;
    clearTimeout(startTimer);
    socket.close(code, why);
    setTimeout(() => socket.terminate(), CLOSE_MS).unref();
  };
  const startTimer = setTimeout(() => {
    log.warn({ channel }, 'a media stream did not start in time');
    close(POLICY, 'no start');
  }, START_MS);
  const hear = inOrder<string>((payload) => call.receive(decodeMulaw(payload)));

  const send = (message: object) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  const lineOf = ({ streamId }: StreamStart): StreamLine => ({
    send: (samples) => send(format.media(streamId, encodeMulaw(samples))),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    clear: () => send(format.clear(streamId)),
    mark: (name) => send(format.mark(streamId, name)),
    hangUp: () => close(NORMAL, 'the call is over'),
  });

  const start = async (message: StreamStart) => {
    if (isStarted) return;
    isStarted = true;
    clearTimeout(startTimer);
    const { callId, encoding, sampleRate, channels } = message;
    const known = await tokens.redeem(channel, message.token ?? options.token ?? '');
    if (known?.callId !== callId) {
      log.warn({ channel }, 'a media stream has no token, or a used or expired one, or one of another call');
      close(POLICY, 'the token is not valid');
      return;
    }
    proven();
    if (encoding !== format.mulaw || sampleRate !== LINE_RATE || channels !== 1) {
      log.warn({ channel, encoding, sampleRate, channels }, 'a media stream is of another format');
      await options.refused?.(known);
      close(PROTOCOL, 'the format has to be μ-law, 8 kHz, mono');
      return;
    }
    try {
      call.opened(await open(known, lineOf(message)));
    } catch (error) {
      log.error({ channel, callId, reason: messageOf(error) }, 'a telephone call could not be opened');
      await options.refused?.(known, error);
      close(TRY_LATER, 'the call could not be opened');
    }
  };

  const failed = (error: unknown) => {
    log.error({ channel, reason: messageOf(error) }, 'a media stream could not be taken');
    close(INTERNAL, 'the call could not be opened');
  };

  const take = (message: StreamMessage | undefined) => {
    if (isClosing) return;
    if (message === undefined) {
      bad += 1;
      if (bad === 1) log.warn({ channel }, 'a media stream sent what is not of its protocol');
      if (bad <= MAX_BAD_MESSAGES) return;
      call.end('line_failed');
      close(PROTOCOL, 'not of the protocol');
      return;
    }
    if (message.kind === 'start') start(message).catch(failed);
    else if (message.kind === 'media') hear(message.chunk, message.payload);
    else if (message.kind === 'mark') call.played(message.name);
    else if (message.kind === 'digit') call.digit(message.digit);
    else if (message.kind === 'stop') {
      call.end('caller_hung_up');
      close(NORMAL, 'the call is over');
    } else if (message.kind === 'error') {
      log.warn({ channel, reason: message.reason }, 'a carrier refused what was sent over its media stream');
    }
  };
  socket.on('message', (data) => take(format.read(parseJson(String(data)))));
  // A message over the limit, half a frame, a broken connection: `close` follows.
  socket.on('error', (error) => log.warn({ channel, reason: error.message }, 'a media stream failed'));
  socket.on('close', () => {
    clearTimeout(startTimer);
    proven();
    call.end('line_failed');
  });
}

/** @param payload - μ-law in base64, 8 kHz, mono @returns 16-bit PCM */
export function decodeMulaw(payload: string): Int16Array {
  return alawmulaw.mulaw.decode(Buffer.from(payload, 'base64'));
}

/** @param samples - 16-bit PCM @returns μ-law in base64 */
export function encodeMulaw(samples: Int16Array): string {
  return Buffer.from(alawmulaw.mulaw.encode(samples).buffer).toString('base64');
}
