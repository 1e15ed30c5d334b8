import { levelDb } from '../../test/support/caller.ts';

/** A piece of what a caller says: what a transcriber would write, and how loud it is from frame to frame. */
export interface Clip {
  text: string;
  /** What the transcriber writes when it hears nothing after it; as `text` unless given. */
  alone?: string;
  /** Level of each {@link FRAME_MS}, dB under full scale. */
  levels: number[];
}

/** One level each 10 ms, of 20 ms of sound, so that a clip fits wherever it begins. */
const FRAME_MS = 10;
const WINDOW_FRAMES = 2;
/** Room noise, comfort noise and digital silence are all the same quiet. */
const QUIET_DB = -50;
/** A VAD may open this late into a word, or have cut this much of its end; of short ones a third at most. */
const CUT_FRAMES = 300 / FRAME_MS;
/** A clip that goes on beyond the sound must have been heard for this long to be known. */
const LEAST_HEARD_FRAMES = 800 / FRAME_MS;
/** A long clip is compared in pieces of about this length. */
const PIECE_FRAMES = 600 / FRAME_MS;
/** Places that are tried are this far apart; {@link DRIFTS} covers what is between them. */
const STEP_FRAMES = 3;
/** How far a piece may have moved from where the piece before it was, frames. */
const DRIFTS = [0, -1, 1, -2, 2, -4, 4, -6, 6] as const;
/** Two clips that were said one after the other may seem to overlap by this much. */
const OVERLAP_FRAMES = 100 / FRAME_MS;
/** Likeness over which a clip is in the sound: Opus and resampling leave 0.9 and more, a jitter buffer on a busy machine less. */
const SURE = 0.8;

/** @param pcm - mono, any sample rate */
export function clip(text: string, pcm: Int16Array, sampleRate: number, alone?: string): Clip {
  return { text, ...(alone !== undefined && { alone }), levels: levelsOf(pcm, sampleRate) };
}

/**
 * What a transcriber that makes no mistakes would write: which of the clips are in a sound, in order, each found by the
 * ups and downs of its loudness. Of a clip whose end is not in the sound yet, as many words as were heard of it.
 * Everything else (a cough, noise, words of nobody) is silence to it.
 *
 * @param pcm - mono, any sample rate
 */
export function heardWords(pcm: Int16Array, sampleRate: number, clips: readonly Clip[]): string {
  const levels = levelsOf(pcm, sampleRate);
  const found: Found[] = [];
  // The surest first: what else seems to be in the same place is a coincidence.
  for (const one of clips
    .flatMap((clip) => find(clip, levels) ?? [])
    .toSorted((one, other) => other.evidence - one.evidence)) {
    const free = found.every(
      ({ from, to }) => one.from >= to - OVERLAP_FRAMES || one.to <= from + OVERLAP_FRAMES,
    );
    if (free) found.push(one);
  }
  return found
    .toSorted((one, other) => one.from - other.from)
    .map(({ text, alone }, at, all) => (at === all.length - 1 ? alone : text))
    .filter((text) => text !== '')
    .join(' ');
}

interface Found {
  /** Frames of the sound in which the clip is, `to` excluded. */
  from: number;
  to: number;
  evidence: number;
  text: string;
  alone: string;
}

function find({ text, alone = text, levels: wanted }: Clip, levels: readonly number[]): Found | undefined {
  const cut = Math.min(CUT_FRAMES, Math.floor(wanted.length / 3));
  const least = Math.min(LEAST_HEARD_FRAMES, wanted.length - cut);
  let best: { at: number; score: number; from: number; to: number } | undefined;
  for (let at = -cut; at < levels.length; at += STEP_FRAMES) {
    const from = Math.max(0, -at);
    const to = Math.min(wanted.length, levels.length - at);
    if (to - from < least) continue;
    const score = likeness(wanted, levels, { from, to, at });
    if (score >= SURE && score > (best?.score ?? 0)) best = { at, score, from, to };
  }
  if (best === undefined) return undefined;
  const { at, score, from, to } = best;
  const place = { from: at + from, to: at + to, evidence: score * (to - from) };
  if (to >= wanted.length - cut) return { ...place, text, alone };
  const words = text.split(' ');
  const heard = words.slice(0, Math.floor((words.length * to) / wanted.length)).join(' ');
  return { ...place, text: heard, alone: heard };
}

/**
 * How well a clip fits where it is laid, 0 to 1: mean correlation of its pieces, each of which may stand a little before
 * or behind its place, because a jitter buffer stretches and shortens.
 */
function likeness(
  wanted: readonly number[],
  levels: readonly number[],
  { from, to, at }: { from: number; to: number; at: number },
): number {
  const pieces = Math.max(1, Math.round((to - from) / PIECE_FRAMES));
  let [sum, drift] = [0, 0];
  for (let piece = 0; piece < pieces; piece += 1) {
    const begin = from + Math.round(((to - from) * piece) / pieces);
    const end = from + Math.round(((to - from) * (piece + 1)) / pieces);
    const tries = DRIFTS.map((more) => ({
      drift: drift + more,
      fit: correlation(wanted, levels, { from: begin, to: end, at: at + drift + more }),
    }));
    const closest = tries.reduce((one, other) => (other.fit > one.fit ? other : one));
    sum += closest.fit;
    drift = closest.drift;
    // Hopeless already: most places are, and need no closer look.
    if (sum / pieces + (pieces - piece - 1) / pieces < SURE) return 0;
  }
  return sum / pieces;
}

/** Pearson's, of `wanted[from…to)` and what stands beside it in `levels`. */
function correlation(
  wanted: readonly number[],
  levels: readonly number[],
  { from, to, at }: { from: number; to: number; at: number },
): number {
  const n = to - from;
  let [sumX, sumY, sumXX, sumYY, sumXY] = [0, 0, 0, 0, 0];
  for (let frame = from; frame < to; frame += 1) {
    const x = wanted[frame] ?? QUIET_DB;
    const y = levels[frame + at] ?? QUIET_DB;
    sumX += x;
    sumY += y;
    sumXX += x * x;
    sumYY += y * y;
    sumXY += x * y;
  }
  const spread = Math.sqrt((n * sumXX - sumX ** 2) * (n * sumYY - sumY ** 2));
  return spread < 1e-6 ? 0 : (n * sumXY - sumX * sumY) / spread;
}

function levelsOf(pcm: Int16Array, sampleRate: number): number[] {
  const samples = Math.round((sampleRate * FRAME_MS) / 1000);
  return Array.from({ length: Math.floor(pcm.length / samples) }, (_, frame) =>
    Math.max(QUIET_DB, levelDb(pcm.subarray(frame * samples, (frame + WINDOW_FRAMES) * samples))),
  );
}
