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

/** Says how likely it is that nobody speaks in a piece of audio (mono, 16 kHz): 0 to 1. */
export type NoSpeechDetector = (samples: Float32Array) => Promise<number>;

/**
 * Silero VAD (MIT), whose weights come inside `@livekit/agents-plugin-silero`. It stands in for whisper's
 * `no_speech_prob`, which whisper.cpp's binding does not give, and which is close to zero on noise anyway.
 */
export async function createNoSpeechDetector(): Promise<NoSpeechDetector> {
  const plugin = createRequire(import.meta.url).resolve('@livekit/agents-plugin-silero');
  const session = await InferenceSession.create(join(dirname(plugin), 'silero_vad.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return async (samples) => {
    const probabilities = await speechProbabilities(session, samples);
    const loudest = probabilities.sort((a, b) => b - a);
    // So many windows were at least as likely to be speech.
    const speech = loudest[Math.ceil(SHORTEST_SPEECH_MS / WINDOW_MS) - 1] ?? loudest.at(-1) ?? 0;
    return 1 - speech;
  };
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
