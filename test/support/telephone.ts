import { setTimeout as sleep } from 'node:timers/promises';
import { FRAME_MS, FRAME_SAMPLES, LINE_RATE } from '../../src/channels/line.ts';
import { levelDb } from './caller.ts';

/** Louder than this is speech: what μ-law makes of silence is 20 dB and more below it. */
const SOUND_DB = -45;
/** Silence after which the other side has finished. */
const QUIET_MS = 1_000;

/** One piece of sound as the person heard it. */
interface Heard {
  /** Arrival, ms of `performance.now()`. */
  at: number;
  pcm: Int16Array;
  loud: boolean;
}

/**
 * A person with a telephone: a microphone that never stops (silence between words, as on every line), and ears that note
 * when each sound came. What lies between it and Charla — a carrier's WebSocket, AudioSocket, RTP — is whoever makes one's
 * own: it gets frames from the microphone, and brings what it receives to {@link Telephone.hear}.
 */
export class Telephone {
  readonly #send: (frame: Int16Array) => void;
  readonly #heard: Heard[] = [];
  #toSay: Int16Array[] = [];
  #spoken: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param send - takes 20 ms of sound at a time: 160 samples of 16-bit PCM, mono, 8 kHz */
  constructor(send: (frame: Int16Array) => void) {
    this.#send = send;
  }

  /** Begins to send, from now on each 20 ms. */
  begin(): void {
    const startedAt = performance.now();
    let sent = 0;
    const silence = new Int16Array(FRAME_SAMPLES);
    const next = () => {
      // As many as are due, whenever the timer comes: a busy machine delays sound, and loses none.
      for (; sent * FRAME_MS <= performance.now() - startedAt; sent += 1) {
        const frame = this.#toSay.shift();
        this.#send(frame ?? silence);
        if (frame !== undefined && this.#toSay.length === 0) {
          this.#spoken?.();
          this.#spoken = undefined;
        }
      }
      this.#timer = setTimeout(next, Math.max(0, startedAt + sent * FRAME_MS - performance.now()));
    };
    next();
  }

  /** Sends nothing any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Speaks.
   *
   * @param pcm - mono, 8 kHz, without silence at its end
   * @returns when its last sound was sent, ms of `performance.now()`
   */
  async say(pcm: Int16Array): Promise<number> {
    for (let start = 0; start < pcm.length; start += FRAME_SAMPLES) {
      const frame = new Int16Array(FRAME_SAMPLES);
      frame.set(pcm.subarray(start, start + FRAME_SAMPLES));
      this.#toSay.push(frame);
    }
    await new Promise<void>((resolve) => {
      this.#spoken = resolve;
    });
    return performance.now() + FRAME_MS;
  }

  /** Speaks, and listens until there has been an answer. @returns what was heard since the question's end */
  async ask(pcm: Int16Array, timeoutMs = 60_000): Promise<{ pcm: Int16Array; voiceToVoiceMs: number }> {
    const askedAt = await this.say(pcm);
    const first = await this.until(() => this.firstSoundAfter(askedAt), timeoutMs, 'an answer');
    await this.quiet(timeoutMs);
    return { pcm: this.recording(askedAt), voiceToVoiceMs: first - askedAt };
  }

  /**
   * @param pcm - mono, 8 kHz, as it is played to the person
   * @param at - when it came, ms of `performance.now()`
   */
  hear(pcm: Int16Array, at = performance.now()): void {
    this.#heard.push({ at, pcm, loud: levelDb(pcm) > SOUND_DB });
  }

  /** Arrival of the first sound after a moment, ms of `performance.now()`. */
  firstSoundAfter(moment: number): number | undefined {
    return this.#heard.find((frame) => frame.loud && frame.at >= moment)?.at;
  }

  /** Arrival of the newest sound. */
  lastSound(): number | undefined {
    return this.#heard.findLast((frame) => frame.loud)?.at;
  }

  /** Times between one piece of sound and the next since a moment, ms; longer pauses than 200 ms are silences. */
  distances(since: number): number[] {
    const times = this.#heard.flatMap(({ at }) => (at >= since ? [at] : []));
    return times.slice(1).flatMap((at, index) => {
      const distance = at - (times[index] ?? at);
      return distance > 200 ? [] : [distance];
    });
  }

  /** What was heard since a moment, mono, 8 kHz, with silence where nothing came. */
  recording(since = 0): Int16Array {
    const frames = this.#heard.filter((frame) => frame.at >= since);
    const first = frames[0]?.at ?? 0;
    const placed: { start: number; pcm: Int16Array }[] = [];
    let end = 0;
    for (const { at, pcm } of frames) {
      const due = Math.round(((at - first) * LINE_RATE) / 1000);
      // Frames that come a little late or early follow each other; a gap of several frames is silence that was heard.
      const start = due - end > 3 * FRAME_SAMPLES ? due : end;
      placed.push({ start, pcm });
      end = start + pcm.length;
    }
    const whole = new Int16Array(end);
    for (const { start, pcm } of placed) whole.set(pcm, start);
    return whole;
  }

  /** Waits until nothing was heard for a second. */
  async quiet(timeoutMs = 60_000): Promise<void> {
    await this.until(
      () => performance.now() - (this.lastSound() ?? 0) > QUIET_MS,
      timeoutMs,
      'the other side to finish',
    );
  }

  /** Waits for a value that is not undefined or false; looks again each 20 ms. */
  async until<T>(look: () => T | undefined | false, timeoutMs: number, what: string): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const value = look();
      if (value !== undefined && value !== false) return value;
      if (performance.now() > deadline) {
        const last = this.lastSound();
        const ears =
          last === undefined ? 'nothing' : `something ${Math.round(performance.now() - last)} ms ago`;
        throw new Error(`waited ${timeoutMs} ms for ${what}; the telephone heard ${ears}`);
      }
      await sleep(20);
    }
  }
}

/** How much was said, and the longest silence within it, ms. @param pcm - mono, 8 kHz */
export function heardMs(pcm: Int16Array): { soundMs: number; gapMs: number } {
  const loud = Array.from({ length: Math.floor(pcm.length / FRAME_SAMPLES) }, (_, index) => {
    const frame = pcm.subarray(index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES);
    return levelDb(frame) > SOUND_DB;
  });
  const said = loud.slice(loud.indexOf(true), loud.lastIndexOf(true) + 1);
  let longest = 0;
  let quiet = 0;
  for (const isLoud of said) {
    quiet = isLoud ? 0 : quiet + 1;
    longest = Math.max(longest, quiet);
  }
  return { soundMs: said.filter(Boolean).length * FRAME_MS, gapMs: longest * FRAME_MS };
}
