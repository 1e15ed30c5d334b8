import { carrierPhrases } from '../channels/carrier-phrases.ts';
import { LINE_RATE } from '../channels/line.ts';
import type { Config, Language } from '../config/config.ts';
import { createOpenAIClient } from '../providers/openai-client.ts';
import { resolveProviders } from '../providers/resolve.ts';
import type { Logger } from '../telemetry/log.ts';

/** Sample rate of the format `pcm` of `/audio/speech`, Hz. */
const SPEECH_RATE = 24_000;
const TIMEOUT_MS = 20_000;

/**
 * The sentence that people on the telephone hear while their room is away, in the agent's voice. Made once for each
 * language, and tried again after a failure.
 *
 * @returns 16-bit PCM, mono, {@link LINE_RATE}; undefined where the voice's endpoint failed
 */
export function createAwaySentence(
  config: Config,
  log: Logger,
): (language: Language) => Promise<Int16Array | undefined> {
  const made = new Map<Language, Promise<Int16Array | undefined>>();
  return (language) => {
    const known = made.get(language);
    if (known !== undefined) return known;
    const making = make(config, language).catch((error: unknown) => {
      log.warn({ err: error }, 'the sentence for callers whose room is away could not be made');
      made.delete(language);
      return undefined;
    });
    made.set(language, making);
    return making;
  };
}

async function make(config: Config, language: Language): Promise<Int16Array> {
  const { tts } = await resolveProviders(config);
  const speech = await createOpenAIClient(tts).audio.speech.create(
    {
      model: tts.model,
      voice: tts.voices[language],
      input: carrierPhrases(language).away,
      response_format: 'pcm',
    },
    { timeout: TIMEOUT_MS },
  );
  const bytes = await speech.arrayBuffer();
  const pcm = new Int16Array(bytes, 0, Math.floor(bytes.byteLength / 2));
  // LiveKit's native library is loaded by who has calls.
  const { resampled } = await import('../channels/resampled.ts');
  return resampled(pcm, SPEECH_RATE, LINE_RATE);
}
