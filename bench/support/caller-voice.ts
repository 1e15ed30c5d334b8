import getPort from 'get-port';
import { ProcessSupervisor } from '../../src/cli/dev/process-supervisor.ts';
import { type Language, loadConfig } from '../../src/config/config.ts';
import { callerSpeech } from '../../test/support/speech.ts';
import { assertModels, ENGINES_READY_TIMEOUT_MS, engineService } from './engines.ts';

/**
 * The caller's sentences as sound (see `callerSpeech`), kept between runs. Those that were never made are synthesised
 * now: by the local models of the run, or by a `charla inference` that is started for it and ends before anything is
 * measured.
 *
 * @param inferenceUrl - local models that run already, with `/v1`
 * @returns one sound for each text, mono, 24 kHz
 */
export async function callerVoice(
  texts: readonly string[],
  language: Language,
  inferenceUrl?: string,
): Promise<Int16Array[]> {
  if (inferenceUrl !== undefined) return synthesise(inferenceUrl, texts, language);
  try {
    return await synthesise('http://127.0.0.1:9/v1', texts, language);
  } catch {
    // Not all are kept, and nobody listens there.
  }
  const config = loadConfig();
  await assertModels({ engines: 'local' }, config);
  const port = await getPort();
  const supervisor = new ProcessSupervisor({
    onLine: () => undefined,
    onEvent: () => undefined,
    readyTimeoutMs: ENGINES_READY_TIMEOUT_MS,
  });
  try {
    process.stderr.write("Synthesising the caller's sentences; they are kept for the next run.\n");
    await supervisor.start(engineService({ engines: 'local' }, config, port, { transcript: '', answer: '' }));
    return await synthesise(`http://127.0.0.1:${port}/v1`, texts, language);
  } finally {
    await supervisor.stop();
  }
}

async function synthesise(url: string, texts: readonly string[], language: Language): Promise<Int16Array[]> {
  const sounds: Int16Array[] = [];
  for (const text of texts) sounds.push(await callerSpeech(url, text, language));
  return sounds;
}
