import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const SAMPLE_RATE = 16_000;
const WINDOW = 512;
/** Samples of the window before that the network sees again. */
const CONTEXT = 64;
const WINDOW_MS = (WINDOW / SAMPLE_RATE) * 1000;
/** A word is at least so long; shorter peaks are clicks. */
const SHORTEST_SPEECH_MS = 100;
/** Speech begins at this probability, and goes on until it falls below the second one. */
const SPEECH_BEGINS = 0.3;
const SPEECH_ENDS = 0.15;
/** Shorter silences belong to the speech around them. */
const SHORTEST_SILENCE_S = 1;
/** Of the silence around speech so much is kept: s. Soft first and last sounds lie in it. */
const MARGIN_S = 0.25;

export interface VoiceActivity {
  /** How likely it is that nobody speaks: 0 to 1. */
  noSpeechProb: number;
  /** Where somebody speaks, in the order of time: samples, the end is not part of it. */
  speech: SpeechSpan[];
}

export interface SpeechSpan {
  start: number;
  end: number;
}

/** Finds speech in a piece of audio (mono, 16 kHz), in spans of at most `longest` samples. */
export type VoiceActivityDetector = (samples: Float32Array, longest: number) => Promise<VoiceActivity>;

/**
 * Silero VAD (MIT), whose weights come inside `@livekit/agents-plugin-silero`. It stands in for whisper's
 * `no_speech_prob`, which whisper.cpp's binding does not give, and which is close to zero on noise anyway.
 */
export async function createVoiceActivityDetector(): Promise<VoiceActivityDetector> {
  const plugin = createRequire(import.meta.url).resolve('@livekit/agents-plugin-silero');
  const session = await InferenceSession.create(join(dirname(plugin), 'silero_vad.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return async (samples, longest) => {
    const probabilities = await speechProbabilities(session, samples);
    const speech = speechSpans(probabilities, longest).map(({ start, end }) => ({
      start,
      end: Math.min(end, samples.length),
    }));
    return { noSpeechProb: noSpeechProbability(probabilities), speech };
  };
}

function noSpeechProbability(probabilities: readonly number[]): number {
  const loudest = probabilities.toSorted((a, b) => b - a);
  // So many windows were at least as likely to be speech.
  const speech = loudest[Math.ceil(SHORTEST_SPEECH_MS / WINDOW_MS) - 1] ?? loudest.at(-1) ?? 0;
  return 1 - speech;
}

/** Spans of speech with a margin, in samples; silences in them are short, and none is longer than `longest`. */
export function speechSpans(probabilities: readonly number[], longest: number): SpeechSpan[] {
  const windows = (seconds: number) => Math.round((seconds * SAMPLE_RATE) / WINDOW);
  const margin = windows(MARGIN_S);
  const most = Math.floor(longest / WINDOW);
  const spans: SpeechSpan[] = [];
  let speaking = false;
  for (const [at, probability] of probabilities.entries()) {
    speaking = probability >= (speaking ? SPEECH_ENDS : SPEECH_BEGINS);
    if (!speaking) continue;
    const last = spans.at(-1);
    if (last && at - last.end < windows(SHORTEST_SILENCE_S)) last.end = at + 1;
    else spans.push({ start: at, end: at + 1 });
  }
  return spans
    .map(({ start, end }) => ({
      start: Math.max(0, start - margin),
      end: Math.min(probabilities.length, end + margin),
    }))
    .flatMap((span) => cutSpan(span, probabilities, most))
    .map(({ start, end }) => ({ start: start * WINDOW, end: end * WINDOW }));
}

/** Cuts a span that is too long where speech is least likely in the last third of what fits. */
function cutSpan(span: SpeechSpan, probabilities: readonly number[], most: number): SpeechSpan[] {
  const cut: SpeechSpan[] = [];
  let { start } = span;
  while (span.end - start > most) {
    const from = start + Math.ceil((most * 2) / 3);
    const candidates = probabilities.slice(from, start + most);
    const end = from + candidates.indexOf(Math.min(...candidates)) + 1;
    cut.push({ start, end });
    start = end;
  }
  return [...cut, { start, end: span.end }];
}

async function speechProbabilities(session: InferenceSession, samples: Float32Array): Promise<number[]> {
  const sampleRate = new Tensor('int64', BigInt64Array.from([BigInt(SAMPLE_RATE)]));
  const input = new Float32Array(CONTEXT + WINDOW);
  let state = new Tensor('float32', new Float32Array(2 * 128), [2, 1, 128]);
  const probabilities: number[] = [];
  for (let at = 0; at < samples.length; at += WINDOW) {
    input.copyWithin(0, WINDOW);
    input.fill(0, CONTEXT);
    input.set(samples.subarray(at, at + WINDOW), CONTEXT);
    const { output, stateN } = await session.run({
      input: new Tensor('float32', input, [1, input.length]),
      state,
      sr: sampleRate,
    });
    if (!(output instanceof Tensor) || !(stateN instanceof Tensor)) break;
    state = stateN as typeof state;
    probabilities.push(Number(output.data[0]));
  }
  return probabilities;
}
