import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { Config, Language } from '../config/config.ts';
import type { SpeechEndpoint } from '../providers/resolve.ts';
import type { Logger } from '../telemetry/log.ts';
import { createSpeech, createSpeechCache } from './create-speech.ts';
import { phraseClauses } from './phrase-clauses.ts';
import { loadPrompts } from './prompts.ts';

/** Longest that one clause waits for calls to end: a server that is never without them has its phrases too, ms. */
const LONGEST_WAIT_MS = 20_000;
const LOOK_EACH_MS = 500;

/**
 * Synthesises the agent's own phrases in both languages, one after another, into the speech cache. Callers come first: a
 * machine that makes phrases while it hears and answers does all of it late. The voice's server may start after us, so each
 * is tried for a minute; a call can do without.
 *
 * @param calls - how many run now
 */
export async function prepareSpeech(
  config: Config,
  { endpoint, log, calls }: { endpoint: SpeechEndpoint; log: Logger; calls: () => number },
): Promise<void> {
  const cache = createSpeechCache(config);
  if (cache === undefined) return;
  for (const language of ['es', 'en'] satisfies Language[]) {
    const speech = createSpeech(config, { endpoint, language, cache, keep: () => 'phrase' });
    const { clauses } = await phraseClauses(loadPrompts(language).phrases, speech.clauses);
    for (const clause of clauses) {
      for (let waited = 0; calls() > 0 && waited < LONGEST_WAIT_MS; waited += LOOK_EACH_MS) {
        await sleep(LOOK_EACH_MS, undefined, { ref: false });
      }
      await pRetry(() => drain(speech.speak(clause)), { retries: 5, minTimeout: 2_000, unref: true });
    }
  }
  log.info('the phrases of the agent are ready to be heard');
}

async function drain(sound: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _piece of sound);
}
