import { vi } from 'vitest';
import type { DevStack } from './dev-stack.ts';
import { missingFacts } from './facts.ts';
import { hearTelephone } from './speech.ts';
import type { Telephone } from './telephone.ts';

/** The local models of the shared stack, by name. */
export const LOCAL_MODELS = { STT_MODEL: 'whisper-base', LLM_MODEL: 'qwen2.5-0.5b', TTS_MODEL: 'kokoro' };

const PHRASES_TIMEOUT_MS = 240_000;
const ANSWER_TIMEOUT_MS = 30_000;
const FIRST_SOUND_TIMEOUT_MS = 60_000;
/** On a busy machine the agent may say that one should ask again. */
const TIMES = 3;

/** Waits until a stack has made its agent's phrases: the models that make them hear and answer callers, too. */
export async function phrasesReady(stack: Pick<DevStack, 'output'> | undefined): Promise<void> {
  await vi.waitUntil(() => stack?.output().includes('the phrases of the agent are ready'), {
    timeout: PHRASES_TIMEOUT_MS,
    interval: 500,
  });
}

/**
 * Asks over a telephone, and listens until all facts were said.
 *
 * @param say - speaks the question @returns when it was spoken, ms of `performance.now()`
 * @returns the facts that nobody said, and what was heard
 */
export async function askForFacts(
  ears: Telephone,
  say: () => Promise<number>,
  { inferenceUrl, facts }: { inferenceUrl: string; facts: readonly (readonly string[])[] },
): Promise<{ missing: string[]; heard: string }> {
  let heard = '';
  const missing = () => missingFacts(heard, facts, true);
  for (let asked = 0; asked < TIMES && missing().length > 0; asked += 1) {
    const askedAt = await say();
    const deadline = Date.now() + ANSWER_TIMEOUT_MS;
    while (missing().length > 0 && Date.now() < deadline) {
      await ears.until(() => ears.firstSoundAfter(askedAt), FIRST_SOUND_TIMEOUT_MS, 'an answer');
      await ears.quiet();
      heard = await hearTelephone(inferenceUrl, ears.recording(askedAt), 'es');
    }
    console.log(`heard: ${heard}`);
  }
  return { missing: missing(), heard };
}
