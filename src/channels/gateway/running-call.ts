import { CharlaError } from '../../errors.ts';
import { MAX_UNHEARD_MS } from '../../rooms/line-messages.ts';
import type { Logger } from '../../telemetry/log.ts';
import { isTelephoneKey } from '../../telephone-keys.ts';
import { TOO_LATE, within } from '../../within.ts';
import { FRAME_SAMPLES, type GatewayCall, type Line, type LineEnd } from '../line.ts';
import type { FrameClock } from './frame-clock.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { JitterBuffer } from './jitter-buffer.ts';
import type { Person, RoomListener } from './person-in-room.ts';
import { RoomSound } from './room-sound.ts';

/** Bytes that a connection may hold back, some 500 ms of sound: then frames are lost, and memory does not grow. */
const MOST_BUFFERED_BYTES = 8 * 1024;
/** A carrier that sends nothing at all for this long has forgotten the call. */
const CARRIER_SILENT_MS = 30_000;
/** A person alone in the room for this long has nobody to talk to: the agent left, … */
const ALONE_MS = 5_000;
/** … or never came: a busy machine takes its time to start one more. */
const NOBODY_CAME_MS = 90_000;
/** livekit-server may be away for this long. */
const REJOIN_MS = 15_000;
const REJOIN_EACH_MS = 500;
/** Our answer to the agent's request goes through the room, which is left so much later. */
const AFTER_RPC_ANSWER_MS = 500;
/** A carrier is told of a call's end within this long: its API is asked three times for 3 s. */
const CLOSE_LINE_MS = 15_000;
/** Nothing is said of a shorter time. */
const AWAY_UNSAID_MS = 1_000;
/** How often the carrier is asked how far what was sent has been heard. */
const MARK_EACH_FRAMES = 25;
/** Changes of the lag that the agent is told of, ms. */
const LAG_STEP_MS = 20;
/** … and how often it is told in any case: it may have come since. */
const TELL_AGAIN_FRAMES = 250;
/** From the agent to here: the codec, the network of the room, and the jitter buffer of WebRTC; measured on one machine. */
const ROOM_LAG_MS = 40;

const SILENCE = new Int16Array(FRAME_SAMPLES);

export interface RunningCallParts {
  line: Line;
  log: Logger;
  clock: FrameClock;
  metrics: GatewayMetrics;
  sessionId: string;
  maxMs: number;
  /** Joins the room of the call, which is opened again where it is gone. @throws Error while livekit-server is away */
  join(listener: RoomListener): Promise<Person>;
  /** Has livekit-server know again of the room, which is joined. @throws CharlaError */
  reopen(): Promise<unknown>;
  /** What the person hears while the room is away: 16-bit PCM, mono, 8 kHz; undefined where it could not be made. */
  sentence(): Promise<Int16Array | undefined>;
}

/** A call that runs: takes sound and keys from a line into a room, and back, until one of them ends. */
export class RunningCall implements GatewayCall, RoomListener {
  readonly sessionId: string;
  readonly ended: Promise<LineEnd>;
  readonly #parts: RunningCallParts;
  readonly #fromLine: JitterBuffer;
  readonly #fromRoom: RoomSound;
  readonly #beganMs = performance.now();
  #person: Person | undefined;
  /** Since when the room is away, and for which time this was said. */
  #awaySinceMs: number | undefined;
  #awaySaidForMs: number | undefined;
  /** What is said to the person while there is no room. */
  #toSay: Int16Array = new Int16Array();
  #stopClock: () => void = () => undefined;
  #hasBegun = false;
  #isRejoining = false;
  #isOver = false;
  #transferTimer: NodeJS.Timeout | undefined;
  #resolveEnded: (end: LineEnd) => void = () => undefined;
  #receivedAtMs = performance.now();
  /** Since when nobody else is in the room, and how long that may be. */
  #alone: { sinceMs: number; mostMs: number } | undefined;
  #frame = 0;
  #marks = new Map<string, number>();
  /** Of what was sent, what the carrier has not played, ms; 0 where it does not tell. */
  #carrierLagMs = 0;
  #toldLagMs = 0;

  constructor(parts: RunningCallParts) {
    const { metrics } = parts;
    this.#parts = parts;
    this.sessionId = parts.sessionId;
    this.#fromLine = new JitterBuffer((event, frames) => metrics.frames(event, 'room', frames));
    this.#fromRoom = new RoomSound((event, frames) => metrics.frames(event, 'line', frames));
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** Joins the room, and lets sound through. @throws what `join` throws */
  async begin(): Promise<void> {
    try {
      this.#took(await this.#parts.join(this));
    } catch (error) {
      // Whoever begins it hears of this; nobody would of what went on.
      this.#isOver = true;
      throw error;
    }
    this.#hasBegun = true;
    if (!this.#isOver) this.#stopClock = this.#parts.clock.listen(() => this.#tick());
  }

  receive(samples: Int16Array): void {
    this.#receivedAtMs = performance.now();
    this.#fromLine.write(samples);
  }

  digit(digit: string): void {
    this.#receivedAtMs = performance.now();
    if (!isTelephoneKey(digit)) return;
    this.#person?.press(digit).catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, 'a key that the person pressed did not reach the room');
    });
  }

  played(name: string): void {
    const sentAtMs = this.#marks.get(name);
    if (sentAtMs === undefined) return;
    this.#marks.delete(name);
    this.#carrierLagMs = performance.now() - sentAtMs;
  }

  end(end: LineEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopClock();
    clearTimeout(this.#transferTimer);
    const { line, log } = this.#parts;
    const seconds = Math.round((performance.now() - this.#beganMs) / 1000);
    log.info({ end, seconds }, 'telephone call ended');
    const closing = within(CLOSE_LINE_MS, line.close(end)).then((closed) => {
      if (closed === TOO_LATE) throw new Error('the carrier did not take the end of a call in time');
    });
    void Promise.allSettled([closing, this.#person?.leave()]).then((results) => {
      for (const result of results) {
        if (result.status === 'rejected') log.warn({ err: result.reason }, 'a call was not closed cleanly');
      }
      this.#resolveEnded(end);
    });
  }

  onSound(track: string, samples: Int16Array, options: { isVoice: boolean }): void {
    this.#fromRoom.write(track, samples, options);
  }

  onTrackEnded(track: string, error?: unknown): void {
    this.#fromRoom.remove(track);
    if (error !== undefined) this.#parts.log.warn({ err: error }, 'a track of the room could not be heard');
  }

  onVoiceFlows(flows: boolean): void {
    if (flows) {
      this.#fromRoom.resumeVoice();
      return;
    }
    this.#fromRoom.stopVoice();
    this.#parts.line.clear?.();
    // Said to have been played, and thrown away.
    this.#marks.clear();
  }

  onAlone(alone: boolean): void {
    this.#alone = alone ? { sinceMs: performance.now(), mostMs: ALONE_MS } : undefined;
  }

  onReconnecting(reconnecting: boolean): void {
    this.#awaySinceMs = reconnecting ? (this.#awaySinceMs ?? performance.now()) : undefined;
    if (reconnecting || this.#isOver) return;
    // The agent comes back by itself, or another one has to come.
    if (this.#alone !== undefined) this.#alone.mostMs = NOBODY_CAME_MS;
    // A livekit-server that has started again knows of the room what we tell it.
    this.#parts.reopen().catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, 'the room of a call is there again, and could not be opened');
    });
  }

  onGone(why: 'closed' | 'lost'): void {
    this.#person = undefined;
    if (this.#isOver) return;
    if (why === 'closed') this.end('agent_hung_up');
    else if (this.#hasBegun && !this.#isRejoining) void this.#rejoin();
  }

  async onSendDigits(digits: string): Promise<void> {
    const { line } = this.#parts;
    if (line.sendDigits === undefined) throw cannot(line, 'send_digits');
    await line.sendDigits(digits);
  }

  async onTransfer(to: string, options: { ringSeconds: number }): Promise<void> {
    const { line } = this.#parts;
    if (line.transfer === undefined) throw cannot(line, 'transfer');
    await line.transfer(to, options);
    this.#transferTimer ??= setTimeout(() => this.end('transferred'), AFTER_RPC_ANSWER_MS);
  }

  /** @throws Error when the room was lost again meanwhile */
  #took(person: Person): void {
    if (person.isGone) throw new Error('the room of a call was lost as soon as it was joined');
    this.#person = person;
    this.#awaySinceMs = undefined;
    this.#alone = person.isAlone ? { sinceMs: performance.now(), mostMs: NOBODY_CAME_MS } : undefined;
    if (!this.#isOver) return;
    // It ended while the room was joined.
    person.leave().catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, 'the room of a call that is over was not left cleanly');
    });
  }

  /** One at a time: two persons of one call would throw each other out. */
  async #rejoin(): Promise<void> {
    this.#isRejoining = true;
    const { log, join } = this.#parts;
    log.warn('the room of a call is away; joining it again');
    this.#awaySinceMs ??= performance.now();
    void this.#sayAway();
    const deadlineMs = performance.now() + REJOIN_MS;
    while (!this.#isOver && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, REJOIN_EACH_MS));
      try {
        this.#took(await join(this));
        this.#isRejoining = false;
        return;
      } catch (error) {
        log.debug({ err: error }, 'the room of a call is still away');
      }
    }
    this.end('room_failed');
  }

  /** Once for each time that the room is away. */
  async #sayAway(): Promise<void> {
    if (this.#awaySaidForMs === this.#awaySinceMs) return;
    this.#awaySaidForMs = this.#awaySinceMs;
    this.#toSay = (await this.#parts.sentence()) ?? this.#toSay;
  }

  /** The next frame of what is said while there is no room. */
  #ownFrame(): Int16Array | undefined {
    if (this.#toSay.length === 0) return undefined;
    const frame = new Int16Array(FRAME_SAMPLES);
    frame.set(this.#toSay.subarray(0, FRAME_SAMPLES));
    this.#toSay = this.#toSay.subarray(FRAME_SAMPLES);
    return frame;
  }

  #tick(): void {
    this.#frame += 1;
    try {
      this.#person?.speak(this.#fromLine.read() ?? SILENCE);
      this.#toLine(this.#ownFrame() ?? this.#fromRoom.read() ?? SILENCE);
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'the line of a call broke');
      this.end('line_failed');
      return;
    }
    if (this.#frame % MARK_EACH_FRAMES === 0) this.#lookAround();
  }

  #toLine(frame: Int16Array): void {
    const { line, metrics } = this.#parts;
    if (line.bufferedBytes > MOST_BUFFERED_BYTES) {
      metrics.frames('dropped', 'line', 1);
      return;
    }
    line.send(frame);
    if (line.mark === undefined || this.#frame % MARK_EACH_FRAMES !== 0) return;
    // A carrier that answers none is not asked for ever.
    if (this.#marks.size >= MARK_EACH_FRAMES) this.#marks.clear();
    const name = `charla-${this.#frame}`;
    this.#marks.set(name, performance.now());
    line.mark(name);
  }

  /** Twice a second. */
  #lookAround(): void {
    const now = performance.now();
    if (now - this.#beganMs > this.#parts.maxMs) this.end('time_limit');
    else if (now - this.#receivedAtMs > CARRIER_SILENT_MS) this.end('line_failed');
    else if (this.#alone !== undefined && now - this.#alone.sinceMs > this.#alone.mostMs)
      this.end('room_failed');
    else if (this.#awaySinceMs === undefined) this.#tellLag();
    else if (now - this.#awaySinceMs > AWAY_UNSAID_MS) void this.#sayAway();
  }

  #tellLag(): void {
    const lagMs = Math.round(ROOM_LAG_MS + this.#fromRoom.heldVoiceMs + this.#carrierLagMs);
    const isNews = Math.abs(lagMs - this.#toldLagMs) >= LAG_STEP_MS;
    if (!isNews && this.#frame % TELL_AGAIN_FRAMES !== 0) return;
    this.#toldLagMs = lagMs;
    this.#person?.tell({ unheard_ms: Math.min(lagMs, MAX_UNHEARD_MS) }).catch((error: unknown) => {
      this.#parts.log.debug({ err: error }, 'the agent was not told how far it was heard');
    });
  }
}

function cannot(line: Line, command: string): CharlaError {
  return new CharlaError('CHARLA_CARRIER_FAILED', {
    carrier: line.channel,
    command,
    reason: 'this line has no such thing',
  });
}
