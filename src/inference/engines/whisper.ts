import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { decodeAudioAsync, Whisper, WhisperFullParams, WhisperSamplingStrategy } from '@napi-rs/whisper';
import { CharlaError, messageOf } from '../../errors.ts';
import type { Engine, EngineOptions, Transcription, TranscriptionRequest } from './engine.ts';
import { createVoiceActivityDetector, type VoiceActivityDetector } from './voice-activity.ts';

const SAMPLE_RATE = 16_000;
/** The encoder sees 30 s as 1,500 positions. */
const POSITIONS_PER_SECOND = 50;
const ALL_POSITIONS = 1500;
/**
 * Silence and positions beyond the clip's end: it learned on windows of 30 s, and where nothing follows the last word it
 * loses that, or says the sentence again.
 */
const SILENCE_AFTER_SAMPLES = 0.3 * SAMPLE_RATE;
const SPARE_POSITIONS = 64;
/** whisper.cpp refuses less than a second. */
const SHORTEST_SAMPLES = 1.1 * SAMPLE_RATE;
const LONGEST_SECONDS = 30 * 60;
/** The encoder's window; longer speech is heard in pieces, cut where the speaker pauses. */
const LONGEST_PIECE_SAMPLES = 28 * SAMPLE_RATE;
/** Nobody speaks faster; Whisper does when it repeats itself for ever on noise. */
const TOKENS_PER_SECOND = 12;
const SPARE_TOKENS = 24;

/**
 * Whisper, by whisper.cpp. It hears only where somebody speaks: of silence it would make up words, or say the last
 * sentence again. The cost follows the length of the speech: the encoder's context is sized to it. Audio is decoded and
 * resampled by the same library (wav, flac, mp3, ogg, m4a).
 *
 * @throws CharlaError `CHARLA_AUDIO_INVALID` from `run`, when the file is no audio or is over half an hour long
 */
export async function createWhisper({ directory, threads: cores }: EngineOptions): Promise<Engine<'stt'>> {
  // whisper.cpp's threads wait for each other by spinning. With one for every core of a busy machine a clip takes up to
  // twelve times as long (2 cores, 5 s of speech: 270 ms or 3 s); with a core left for the others it is always 440 ms.
  const threads = Math.max(1, cores - 1);
  const detectSpeech = await createVoiceActivityDetector();
  // `flashAttn` hangs in this build of whisper.cpp.
  const whisper = new Whisper(join(directory, 'model.bin'), { useGpu: false, flashAttn: false });
  // The first run allocates.
  await detectSpeech(new Float32Array(SAMPLE_RATE), LONGEST_PIECE_SAMPLES);
  listen(whisper, new Float32Array(SHORTEST_SAMPLES), { threads, temperature: 0, language: 'en' });
  return {
    concurrency: 1,
    run: (request, { signal }) => transcribe(whisper, detectSpeech, threads, request, signal),
    dispose: async () => undefined,
  };
}

async function transcribe(
  whisper: Whisper,
  detectSpeech: VoiceActivityDetector,
  threads: number,
  { audio, language, prompt, temperature }: TranscriptionRequest,
  signal: AbortSignal,
): Promise<Transcription> {
  const samples = await decode(audio);
  const { noSpeechProb, speech } = await detectSpeech(samples, LONGEST_PIECE_SAMPLES);
  let spoken = language;
  const segments: Transcription['segments'] = [];
  for (const { start, end } of speech) {
    // A piece is heard in one go; between two of them the thread learns that nobody waits any more.
    await setImmediate();
    signal.throwIfAborted();
    const text = listen(whisper, padded(samples.subarray(start, end)), {
      threads,
      temperature,
      language: spoken ?? 'auto',
      ...(prompt === undefined ? {} : { prompt }),
    });
    // The first piece tells the language of all.
    spoken ??= Whisper.lang(whisper.fullLangId) ?? '';
    if (text !== '') segments.push({ text, startMs: toMs(start), endMs: toMs(end) });
  }
  return {
    text: segments.map(({ text }) => text).join(' '),
    language: spoken ?? '',
    durationMs: toMs(samples.length),
    noSpeechProb,
    segments,
  };
}

function toMs(samples: number): number {
  return Math.round((samples / SAMPLE_RATE) * 1000);
}

interface ListenOptions {
  threads: number;
  temperature: number;
  language: string;
  prompt?: string;
}

/** What is said in at most 30 s. */
function listen(whisper: Whisper, samples: Float32Array, options: ListenOptions): string {
  const params = new WhisperFullParams(WhisperSamplingStrategy.Greedy);
  params.nThreads = options.threads;
  params.language = options.language;
  params.temperature = options.temperature;
  if (options.prompt !== undefined) params.initialPrompt = options.prompt;
  // Each request stands alone: nothing of another caller's words may lead this one's.
  params.noContext = true;
  // One pass: a second one, over what is left behind the last sentence, makes words up.
  params.singleSegment = true;
  // With them, and words to expect in the prompt, it repeats itself in 20 of 25 short questions; without in one.
  params.noTimestamps = true;
  params.suppressBlank = true;
  params.suppressNonSpeechTokens = true;
  params.printProgress = false;
  params.printRealtime = false;
  params.printTimestamps = false;
  params.printSpecial = false;
  const seconds = samples.length / SAMPLE_RATE;
  params.audioCtx = Math.min(Math.ceil(seconds * POSITIONS_PER_SECOND) + SPARE_POSITIONS, ALL_POSITIONS);
  params.maxTokens = Math.ceil(seconds * TOKENS_PER_SECOND) + SPARE_TOKENS;
  // Whisper writes sounds as [BLANK_AUDIO], (music) or *coughs*.
  return whisper
    .full(params, samples)
    .replace(/\[[^\]]*\]|\([^)]*\)|\*[^*]*\*/g, '')
    .trim();
}

async function decode(audio: Uint8Array): Promise<Float32Array> {
  let samples: Float32Array;
  try {
    samples = await decodeAudioAsync(audio);
  } catch (cause) {
    const reason = messageOf(cause).replace(/^.*failed: /, '');
    throw new CharlaError('CHARLA_AUDIO_INVALID', { reason }, { cause });
  }
  if (samples.length === 0) throw new CharlaError('CHARLA_AUDIO_INVALID', { reason: 'it is empty' });
  if (samples.length > LONGEST_SECONDS * SAMPLE_RATE) {
    throw new CharlaError('CHARLA_AUDIO_INVALID', { reason: 'it is over half an hour long' });
  }
  return samples;
}

function padded(samples: Float32Array): Float32Array {
  const longer = new Float32Array(Math.max(SHORTEST_SAMPLES, samples.length + SILENCE_AFTER_SAMPLES));
  longer.set(samples);
  return longer;
}
