import { Future, voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';

/** Where sound goes: an `AudioSource` of `@livekit/rtc-node`. */
export interface SoundSink {
  /** Takes a frame; resolves when there is room for the next one. */
  captureFrame(frame: AudioFrame): Promise<void>;
  /** Drops what was taken and not yet played. */
  clearQueue(): void;
  /** Resolves when all that was taken has played, or was dropped. */
  waitForPlayout(): Promise<void>;
  /** What was taken and not yet played, ms. */
  readonly queuedDuration: number;
}

/** A held output goes on by itself after this long without a word of who held it. */
const HOLD_MS = 160;
/**
 * The framework resumes an answer that it throws away, and clears it a moment later (`cancelSpeechPause` in
 * `voice/agent_activity.ts` of @livekit/agents 1.9.0): its first frame was heard, and all of it stood in the history.
 */
const RESUME_AFTER_MS = 20;

/** What is said between two calls of `flush`. */
interface Segment {
  /** Not yet given to the sink, in order. */
  waiting: AudioFrame[];
  /** Given to the sink, ms, less what was taken back. */
  givenMs: number;
  started: boolean;
  /** No more frames will come. */
  flushed: boolean;
  /** Cut off: what is left of it is not played. */
  cut: boolean;
}

/**
 * The agent's voice on its way to the caller, which can stop in the middle of a word and go on from there.
 *
 * A pause takes effect at once, and what the sink had taken and not played is taken back, to be played first when it goes
 * on. The framework's own output stops at its next frame and loses up to 200 ms of the sentence
 * (`voice/room_io/_output.ts` of @livekit/agents 1.9.0). Beside the framework's pause there is a {@link hold} for the
 * first sign of a voice: too early to call it an interruption, and soon forgotten where it was none.
 */
export class InterruptibleOutput extends voice.AudioOutput {
  readonly #sink: SoundSink;
  /** Whether somebody is there to hear. */
  #audience = false;
  #segments: Segment[] = [];
  /** Given to the sink last, longest ago first: what may still be in its queue. */
  #given: AudioFrame[] = [];
  #paused = false;
  #awaitsWords = false;
  #held: NodeJS.Timeout | undefined;
  #resuming: NodeJS.Timeout | undefined;
  /** Given to the sink, left it, and was not heard yet, ms. */
  #unheardMs = 0;
  /** Whether the last that was done is to give, and not to take back. */
  #flows = true;
  #onFlow: (flows: boolean) => void = () => undefined;
  /** Resolves when there is something new to do. */
  #news = new Future<void>();
  #playing = false;

  /**
   * @param sink - takes frames at `sampleRate`
   * @param audience - nothing is played before it resolves
   */
  constructor(sink: SoundSink, options: { sampleRate: number; audience: Promise<unknown> }) {
    super(options.sampleRate, undefined, { pause: true });
    this.#sink = sink;
    void options.audience.then(() => {
      this.#audience = true;
      this.#wake();
    });
  }

  /**
   * Told when sound stops that was on its way, and when it goes on: what lies between the sink and the caller's ear can be
   * thrown away, and is given again.
   */
  followFlow(listener: (flows: boolean) => void): void {
    this.#onFlow = listener;
  }

  /** How much of what has left the sink the caller has not heard yet, ms; only where it is thrown away when sound stops. */
  set unheardMs(ms: number) {
    this.#unheardMs = ms;
  }

  /** Whether sound is on its way to the caller, or would be if it were not paused. */
  get speaking(): boolean {
    return this.#segments.some((segment) => segment.started && !segment.cut);
  }

  /**
   * Takes a frame; resolves when it was given on, or is no longer wanted. While the output is stopped it is only kept: who
   * waited for it could not be told that the answer is thrown away.
   */
  override async captureFrame(frame: AudioFrame): Promise<void> {
    await super.captureFrame(frame);
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.flushed) {
      segment = { waiting: [], givenMs: 0, started: false, flushed: false, cut: false };
      this.#segments.push(segment);
    }
    segment.waiting.push(frame);
    this.#wake();
    while (this.#flow && segment.waiting.includes(frame)) await this.#news.await;
  }

  override flush(): void {
    super.flush();
    const segment = this.#segments.at(-1);
    if (segment !== undefined) segment.flushed = true;
    this.#wake();
  }

  override clearBuffer(): void {
    if (this.#segments.length === 0) return;
    this.flush();
    this.#takeBack();
    for (const segment of this.#segments) {
      segment.cut = true;
      segment.waiting = [];
    }
    this.#wake();
  }

  override pause(): void {
    super.pause();
    clearTimeout(this.#resuming);
    this.#paused = true;
    this.#takeBack();
    this.#wake();
  }

  override resume(): void {
    super.resume();
    // The framework takes an interruption for none after a fixed time, however long the words take.
    if (this.#awaitsWords) return;
    clearTimeout(this.#resuming);
    this.#resuming = setTimeout(() => {
      this.#paused = false;
      this.#wake();
    }, RESUME_AFTER_MS);
  }

  /**
   * Told whether words are awaited that may end what is being said: until then a pause goes on. Whoever finds that they
   * were none resumes.
   */
  awaitWords(awaited: boolean): void {
    this.#awaitsWords = awaited;
  }

  /** Stops the sound for a moment. Said again in time, it stays stopped. */
  hold(): void {
    if (!this.speaking) return;
    clearTimeout(this.#held);
    const first = this.#held === undefined;
    this.#held = setTimeout(() => this.#release(), HOLD_MS);
    if (!first) return;
    this.#takeBack();
    this.#wake();
  }

  #release(): void {
    this.#held = undefined;
    this.#wake();
  }

  get #flow(): boolean {
    return !this.#paused && this.#held === undefined;
  }

  /** Empties the sink, and puts what it had not played in front of what waits. */
  #takeBack(): void {
    let queuedMs = this.#underwayMs;
    this.#sink.clearQueue();
    if (this.#given.length > 0) this.#tellFlow(false);
    const [segment] = this.#segments;
    while (segment !== undefined && !segment.cut) {
      const frame = this.#given.pop();
      const frameMs = frame === undefined ? Number.POSITIVE_INFINITY : durationMs(frame);
      // Of a frame under way at least half is still to come, or it counts as played.
      if (frame === undefined || queuedMs < frameMs / 2) break;
      queuedMs -= frameMs;
      segment.waiting.unshift(frame);
      segment.givenMs -= frameMs;
    }
    this.#given = [];
  }

  #wake(): void {
    const news = this.#news;
    this.#news = new Future<void>();
    news.resolve();
    if (this.#playing) return;
    this.#playing = true;
    this.#play().catch((error: unknown) => {
      this.#playing = false;
      this.logger.error({ err: error }, 'the voice could not be played');
    });
  }

  /** Plays segment after segment, until there is none. */
  async #play(): Promise<void> {
    for (;;) {
      const [segment] = this.#segments;
      if (segment === undefined) {
        this.#playing = false;
        return;
      }
      const finished = await this.#playOn(segment);
      if (!finished) continue;
      this.#segments.shift();
      this.#given = [];
      this.onPlaybackFinished({ playbackPosition: segment.givenMs / 1000, interrupted: segment.cut });
    }
  }

  /** Does the next thing that there is to do for a segment. @returns whether it is finished */
  async #playOn(segment: Segment): Promise<boolean> {
    if (segment.cut) return true;
    if (!this.#audience || !this.#flow) {
      await this.#news.await;
      return false;
    }
    const frame = segment.waiting.shift();
    if (frame !== undefined) {
      await this.#give(frame, segment);
      return false;
    }
    if (!segment.flushed) {
      await this.#news.await;
      return false;
    }
    await Promise.race([this.#sink.waitForPlayout(), this.#news.await]);
    // A pause may have taken some of it back meanwhile, or a cut may have come.
    return segment.cut || (segment.waiting.length === 0 && this.#flow && this.#sink.queuedDuration === 0);
  }

  async #give(frame: AudioFrame, segment: Segment): Promise<void> {
    if (!segment.started) {
      segment.started = true;
      this.onPlaybackStarted(Date.now());
    }
    this.#tellFlow(true);
    this.#given.push(frame);
    segment.givenMs += durationMs(frame);
    await this.#sink.captureFrame(frame);
    this.#forgetPlayed();
    this.#wake();
  }

  /** Given, and not heard yet, ms. */
  get #underwayMs(): number {
    return this.#sink.queuedDuration + this.#unheardMs;
  }

  #tellFlow(flows: boolean): void {
    if (this.#flows === flows) return;
    this.#flows = flows;
    this.#onFlow(flows);
  }

  #forgetPlayed(): void {
    let keptMs = 0;
    const queuedMs = this.#underwayMs;
    const index = this.#given.findLastIndex((frame) => {
      keptMs += durationMs(frame);
      return keptMs > queuedMs + durationMs(frame);
    });
    if (index > 0) this.#given.splice(0, index);
  }
}

function durationMs(frame: AudioFrame): number {
  return (frame.samplesPerChannel / frame.sampleRate) * 1000;
}
