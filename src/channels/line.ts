import type { Phone } from '../sessions/session.ts';

/** Samples a second on every line: that of telephones. */
export const LINE_RATE = 8_000;
/** Sound that goes to a carrier at a time, ms. */
export const FRAME_MS = 20;
/** Samples of a frame. */
export const FRAME_SAMPLES = (LINE_RATE * FRAME_MS) / 1000;

/** Why a call over a line ended. */
export type LineEnd =
  /** The carrier said that the person is gone. */
  | 'caller_hung_up'
  /** The agent hung up, or its room was closed. */
  | 'agent_hung_up'
  /** The call was given to somebody else. */
  | 'transferred'
  | 'time_limit'
  /** The carrier's connection broke, or sent what no call can go on with. */
  | 'line_failed'
  /** livekit-server was away for longer than a caller waits. */
  | 'room_failed';

/**
 * One call of a carrier, seen from the room: what can be sent to the person's telephone. Channels differ in this alone;
 * pacing, buffering, resampling and the room are the gateway's.
 */
export interface Line {
  readonly channel: 'twilio' | 'telnyx' | 'audiosocket';
  /** The carrier's id of the call, for the log. */
  readonly callId: string;
  readonly phone: Phone;
  /** Sends {@link FRAME_SAMPLES} samples of 16-bit PCM, mono, {@link LINE_RATE}. Called by the gateway's clock each {@link FRAME_MS}. */
  send(samples: Int16Array): void;
  /** Bytes that the connection has not sent yet. */
  readonly bufferedBytes: number;
  /** Throws away what the carrier has and the person has not heard. */
  clear?(): void;
  /** Has the carrier say, through {@link GatewayCall.played}, when all that was sent until now has been heard. */
  mark?(name: string): void;
  /** Keys to press for the person at the other end: `0-9*#A-D`. @throws CharlaError */
  sendDigits?(digits: string): Promise<void>;
  /**
   * Gives the call to another number, in E.164.
   *
   * @param options - `ringSeconds`: how long it rings there, where the carrier lets us choose
   * @throws CharlaError when the carrier refuses
   */
  transfer?(to: string, options: { ringSeconds: number }): Promise<void>;
  /** Ends the call at the carrier. Called once, also when the carrier has ended it. */
  close(end: LineEnd): Promise<void>;
}

/** What a carrier tells of its call. */
export interface GatewayCall {
  readonly sessionId: string;
  /** The person's sound: 16-bit PCM, mono, {@link LINE_RATE}; any number of samples. */
  receive(samples: Int16Array): void;
  /** A key that the person pressed: one of `0-9*#A-D`. */
  digit(digit: string): void;
  /** All that was sent before `mark(name)` has been heard, or thrown away. */
  played(name: string): void;
  /** The call is over. */
  end(end: LineEnd): void;
  /** Resolves when the line is closed and the room left. */
  readonly ended: Promise<LineEnd>;
}

/** Brings calls of carriers into rooms. */
export interface Gateway {
  /**
   * Opens the session of a call, joins its room as its person, and lets sound through both ways.
   *
   * @param profile - that of the called number unless given
   * @throws CharlaError `CHARLA_CALLS_FULL` when there are as many calls as this process takes, or as for a session's start
   */
  open(line: Line, options?: { profile?: string; dataTools?: Record<string, unknown> }): Promise<GatewayCall>;
  /** Calls that run. */
  readonly calls: number;
  /** Ends every call. */
  close(): Promise<void>;
}
