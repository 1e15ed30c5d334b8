import type { Command } from 'commander';
import type { Service } from '../../src/cli/dev/process-supervisor.ts';
import type { Config } from '../../src/config/config.ts';
import { ModelStore } from '../../src/inference/model-store.ts';

/** The three jobs of a voice pipeline. */
const JOBS = ['stt', 'llm', 'tts'] as const;
const LOCAL_MODELS = { stt: 'whisper-base', llm: 'qwen2.5-0.5b', tts: 'kokoro' } as const;

/** Loading three models on a busy machine. */
export const ENGINES_READY_TIMEOUT_MS = 600_000;

/** Which models all pipelines of a run talk to. */
export interface EngineOptions {
  /** `local`: `charla inference` with its models; `fixed`: the same answers after the same time, by no model. */
  engines: 'local' | 'fixed';
  sttBaseUrl?: string;
  sttModel?: string;
  llmBaseUrl?: string;
  llmModel?: string;
  ttsBaseUrl?: string;
  ttsModel?: string;
  ttsVoice?: string;
}

/** What the fixed engines say. */
export interface FixedWords {
  /** What was said, while they were told no clips. */
  transcript: string;
  /** `{{heard}}` in it is what the caller said since the last answer. */
  answer: string;
  /**
   * Time between two tokens of the model, ms.
   * @defaultValue 20
   */
  tokenMs?: number;
  /**
   * How much higher the voice gets with each second of a text, Hz.
   * @defaultValue 0
   */
  pitchRise?: number;
  /**
   * Sound for each character of text, ms.
   * @defaultValue 60
   */
  msPerCharacter?: number;
}

/** Adds the options of {@link EngineOptions} to a benchmark's command. */
export function engineOptions(command: Command, byDefault: EngineOptions['engines']): Command {
  command.option(
    '--engines <kind>',
    'local: models of `charla inference`; fixed: engines with fixed delays (100, 50, 50 ms) and no models',
    byDefault,
  );
  for (const job of JOBS) {
    command.option(
      `--${job}-base-url <url>`,
      `another OpenAI-compatible endpoint (key: ${job.toUpperCase()}_API_KEY)`,
    );
    command.option(`--${job}-model <name>`, 'model of that endpoint');
  }
  return command.option('--tts-voice <name>', 'voice of that endpoint');
}

/**
 * The process that serves the engines, for a supervisor.
 *
 * @param port - a free one
 */
export function engineService(
  { engines }: EngineOptions,
  config: Config,
  port: number,
  words: FixedWords,
): Service {
  if (engines === 'fixed') {
    const { transcript, answer, tokenMs = 20, pitchRise = 0, msPerCharacter = 60 } = words;
    const args = ['--port', String(port), '--transcript', transcript, '--answer', answer];
    args.push('--token-ms', String(tokenMs), '--pitch-rise', String(pitchRise));
    args.push('--ms-per-character', String(msPerCharacter));
    return {
      name: 'fixed engines',
      command: process.execPath,
      args: ['--import', 'tsx', 'bench/support/fixed-engines-server.ts', ...args],
      readyUrl: `http://127.0.0.1:${port}/health`,
    };
  }
  return {
    name: 'inference',
    command: process.execPath,
    args: ['--import', 'tsx', 'src/cli/main.ts', 'inference'],
    env: { INFERENCE_PORT: String(port), CHARLA_HOME: config.CHARLA_HOME, NODE_ENV: 'development' },
    readyUrl: `http://127.0.0.1:${port}/health`,
  };
}

/** Variables that point a worker at those engines. Empty ones keep `.env` out of the measurement. */
export function engineVariables(options: EngineOptions, port: number): Record<string, string> {
  const variables: Record<string, string> = { INFERENCE_PORT: String(port), OPENAI_API_KEY: '' };
  for (const job of JOBS) {
    const name = job.toUpperCase();
    const fixed = options.engines === 'fixed' ? `http://127.0.0.1:${port}/v1` : '';
    variables[`${name}_PROVIDER`] = 'local';
    variables[`${name}_BASE_URL`] = options[`${job}BaseUrl`] ?? fixed;
    variables[`${name}_MODEL`] = options[`${job}Model`] ?? '';
  }
  return { ...variables, TTS_VOICE: options.ttsVoice ?? '' };
}

/** Keys by which the engines with fixed delays know who asks. */
export function keysThatTell(options: EngineOptions, contestant: string): Record<string, string> {
  if (options.engines !== 'fixed') return {};
  const own = JOBS.filter((job) => options[`${job}BaseUrl`] === undefined);
  return Object.fromEntries(own.map((job) => [`${job.toUpperCase()}_API_KEY`, contestant]));
}

/** @throws Error that says how to get a local model that the run needs and that is not on this machine */
export async function assertModels(options: EngineOptions, config: Config): Promise<void> {
  if (options.engines !== 'local') return;
  const store = new ModelStore({ home: config.CHARLA_HOME });
  const needed = JOBS.filter((job) => options[`${job}BaseUrl`] === undefined).map(
    (job) => options[`${job}Model`] ?? LOCAL_MODELS[job],
  );
  const missing: string[] = [];
  for (const model of needed) if ((await store.path(model)) === undefined) missing.push(model);
  if (missing.length > 0) {
    const names = missing.join(' ');
    throw new Error(
      `Models are missing: ${names}. Fetch them with «npm run charla -- models pull ${names}», or run with --engines fixed.`,
    );
  }
}
