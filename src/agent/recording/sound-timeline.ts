import { clipSample } from '../../clip-sample.ts';

/** Sample rate of recordings, Hz: that of the agent's voice, which is the wider of the two. */
export const RECORDING_SAMPLE_RATE = 24_000;
/** The caller on the left, the agent on the right. */
export const RECORDING_CHANNELS = 2;
/** Where a sound is to be, ms, may differ so much from the end of the one before it, and still follow it without a gap. */
const FOLLOWS_WITHIN_MS = 250;

/** Mono, {@link RECORDING_SAMPLE_RATE}, from a sample of the timeline on. */
interface Block {
  start: number;
  pcm: Int16Array;
}

/** One of those who are heard: their sounds follow each other. */
export interface SoundSource {
  /**
   * Puts a sound where it belongs. One that comes about when the last one ends follows it without a gap: clocks jitter,
   * and speech has no holes in it.
   *
   * @param pcm - mono, {@link RECORDING_SAMPLE_RATE}; kept, not copied
   * @param at - ms of `performance.now()`
   */
  place(pcm: Int16Array, at: number): void;
  /** Takes back what would be heard after a moment. */
  cut(at: number): void;
}

/** Two channels of one stretch of time, each with whatever was heard there, and silence elsewhere. */
export class SoundTimeline {
  readonly #startAt: number;
  readonly #channels: Block[][] = Array.from({ length: RECORDING_CHANNELS }, () => []);
  /** Samples that were taken. */
  #taken = 0;

  /** @param startAt - its first moment, ms of `performance.now()`; what was before is left out */
  constructor(startAt: number) {
    this.#startAt = startAt;
  }

  /** Somebody more on a channel: several are mixed. */
  source(channel: 0 | 1): SoundSource {
    const blocks = this.#channels[channel] ?? [];
    const own = new WeakSet<Block>();
    let next: number | undefined;
    const cut = (end: number) => {
      for (const block of blocks) {
        if (own.has(block)) block.pcm = block.pcm.subarray(0, Math.max(0, end - block.start));
      }
    };
    return {
      place: (pcm, at) => {
        const wanted = this.#sampleAt(at);
        const tolerance = (FOLLOWS_WITHIN_MS * RECORDING_SAMPLE_RATE) / 1000;
        if (next !== undefined && wanted < next - tolerance) cut(wanted);
        const start = next !== undefined && Math.abs(wanted - next) <= tolerance ? next : wanted;
        next = start + pcm.length;
        if (next <= this.#taken) return;
        const block = { start, pcm };
        own.add(block);
        blocks.push(block);
      },
      cut: (at) => {
        cut(this.#sampleAt(at));
        next = undefined;
      },
    };
  }

  /**
   * What was heard from the last time to a moment, which is final.
   *
   * @returns the channels interleaved
   */
  take(until: number): Int16Array {
    const end = Math.max(this.#taken, this.#sampleAt(until));
    const pcm = new Int16Array((end - this.#taken) * RECORDING_CHANNELS);
    for (const [channel, blocks] of this.#channels.entries()) {
      for (const block of blocks) mix(pcm, channel, block, this.#taken);
      const later = blocks.filter(({ start, pcm: own }) => start + own.length > end);
      blocks.splice(0, blocks.length, ...later);
    }
    this.#taken = end;
    return pcm;
  }

  #sampleAt(at: number): number {
    return Math.round(((at - this.#startAt) * RECORDING_SAMPLE_RATE) / 1000);
  }
}

/** Adds what of a block falls into `pcm`, whose first sample is `from` of the timeline. */
function mix(pcm: Int16Array, channel: number, { start, pcm: own }: Block, from: number): void {
  const length = pcm.length / RECORDING_CHANNELS;
  for (let at = Math.max(start, from); at < Math.min(start + own.length, from + length); at += 1) {
    const index = (at - from) * RECORDING_CHANNELS + channel;
    pcm[index] = clipSample((pcm[index] ?? 0) + (own[at - start] ?? 0));
  }
}
