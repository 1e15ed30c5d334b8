import type { JobProcess, VAD } from '@livekit/agents';
import * as silero from '@livekit/agents-plugin-silero';
import { type Config, isOn, type Language, loadConfig } from '../config/config.ts';
import { type Providers, resolveProviders } from '../providers/resolve.ts';
import { AdaptiveVAD } from '../providers/vad/adaptive-vad.ts';
import { type JobMetrics, reportToWorker } from '../telemetry/job-metrics.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { redactOutput } from '../telemetry/redact-output.ts';
import { type Traces, traceCalls } from '../telemetry/traces.ts';
import { type KeptSpeech, loadKeptSpeech } from './create-speech.ts';
import { loadPrompts, type Prompts } from './prompts.ts';

/** What a job process has ready before a call comes. */
export interface ReadyProcess {
  config: Config;
  log: Logger;
  vad: VAD;
  providers: Providers;
  prompts: Record<Language, Prompts>;
  metrics: JobMetrics;
  traces: Traces;
  /** With the agent's phrases in memory; none when it is switched off. */
  speech?: KeptSpeech | undefined;
}

/** Silence after which speech has ended. The turn detector looks at 200 ms, so it must be longer. */
export const END_OF_SPEECH_MS = 250;
/** Kept before the first detected sound, so that soft beginnings reach the transcriber. */
const PRE_ROLL_MS = 300;

/** What was made ready in this process, or is made now. */
export async function readyOf(proc: JobProcess<Partial<ReadyProcess>>): Promise<ReadyProcess> {
  const { config, log, vad, providers, prompts, metrics, traces, speech } = proc.userData;
  if (config && log && vad && providers && prompts && metrics && traces) {
    return { config, log, vad, providers, prompts, metrics, traces, speech };
  }
  return prepareProcess();
}

export async function prepareProcess(): Promise<ReadyProcess> {
  redactOutput();
  const config = loadConfig();
  const log = createLogger('job', config.LOG_LEVEL);
  const metrics = reportToWorker();
  const traces = traceCalls(config);
  // The framework logs these at debug only, and an error that nobody sees is a call that hangs.
  process.on('unhandledRejection', (error) => {
    log.error({ err: error }, 'unhandled rejection in a job process');
    metrics.record('unhandled_rejections_total', 1, {});
  });
  const speech = { minSilenceDuration: END_OF_SPEECH_MS, prefixPaddingDuration: PRE_ROLL_MS };
  const [detector, providers] = await Promise.all([silero.VAD.load(speech), resolveProviders(config)]);
  const vad = isOn(config, 'adaptive-vad') ? new AdaptiveVAD(detector, speech) : detector;
  const languages = { es: loadPrompts('es'), en: loadPrompts('en') };
  const kept = await loadKeptSpeech(config, providers.tts, languages);
  kept?.cache.on('lookup', (result) => {
    log.debug({ result }, 'a clause was looked up in the speech cache');
    metrics.record('speech_cache_lookups_total', 1, { result });
  });
  return { config, log, vad, providers, prompts: languages, metrics, traces, speech: kept };
}
