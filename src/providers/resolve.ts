import { Ollama } from 'ollama';
import { type Config, inferenceBaseUrl } from '../config/config.ts';

/** An OpenAI-compatible endpoint, and who stands behind it. */
export interface Endpoint {
  /** `custom` is a base URL of the user's own. */
  kind: 'openai' | 'ollama' | 'local' | 'custom';
  /** With `/v1` where the server wants it; no trailing slash. */
  baseUrl: string;
  /** Endpoints without keys get a harmless word, because the client library insists on one. */
  apiKey: string;
  model: string;
}

export interface SpeechEndpoint extends Endpoint {
  /** The agent's voice for each language. */
  voices: Record<'es' | 'en', string>;
}

export interface Providers {
  stt: Endpoint;
  llm: Endpoint;
  tts: SpeechEndpoint;
}

export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

const NO_KEY = 'none';
const OLLAMA_PROBE_TIMEOUT_MS = 800;

const DEFAULT_MODELS = {
  openai: { stt: 'gpt-4o-mini-transcribe', llm: 'gpt-4.1-mini', tts: 'gpt-4o-mini-tts' },
  ollama: { llm: 'llama3.2:1b' },
  local: { stt: 'whisper-base', llm: 'qwen2.5-0.5b', tts: 'kokoro' },
  custom: { stt: 'whisper-1', llm: 'default', tts: 'tts-1' },
} as const;

const DEFAULT_VOICES = {
  openai: { es: 'nova', en: 'nova' },
  local: { es: 'ef_dora', en: 'af_heart' },
  custom: { es: 'alloy', en: 'alloy' },
} as const;

/**
 * Decides which endpoint serves each of speech-to-text, language model and text-to-speech. A base URL wins, then the
 * named provider; `auto` is OpenAI when there is a key, else (for the model) an Ollama that answers, else our own.
 *
 * @returns one endpoint for each; nothing is checked but whether an Ollama answers (one request, at most 800 ms)
 */
export async function resolveProviders(config: Config): Promise<Providers> {
  const tts = endpoint(
    config,
    'TTS',
    config.TTS_PROVIDER === 'auto' ? automatic(config) : config.TTS_PROVIDER,
  );
  const voices = DEFAULT_VOICES[tts.kind === 'ollama' ? 'custom' : tts.kind];
  return {
    stt: endpoint(config, 'STT', config.STT_PROVIDER === 'auto' ? automatic(config) : config.STT_PROVIDER),
    llm: endpoint(config, 'LLM', await llmProvider(config)),
    tts: {
      ...tts,
      voices: config.TTS_VOICE === undefined ? voices : { es: config.TTS_VOICE, en: config.TTS_VOICE },
    },
  };
}

/** Whether any of the three is served by our own inference process. */
export function needsInference(providers: Providers): boolean {
  return [providers.stt, providers.llm, providers.tts].some((one) => one.kind === 'local');
}

function automatic(config: Config): 'openai' | 'local' {
  return config.OPENAI_API_KEY === undefined ? 'local' : 'openai';
}

async function llmProvider(config: Config): Promise<'openai' | 'ollama' | 'local'> {
  if (config.LLM_PROVIDER !== 'auto') return config.LLM_PROVIDER;
  if (config.LLM_BASE_URL !== undefined || config.OPENAI_API_KEY !== undefined) return automatic(config);
  return (await ollamaAnswers(config.OLLAMA_HOST)) ? 'ollama' : 'local';
}

async function ollamaAnswers(host: string): Promise<boolean> {
  const signal = AbortSignal.timeout(OLLAMA_PROBE_TIMEOUT_MS);
  const client = new Ollama({ host, fetch: (input, init) => fetch(input, { ...init, signal }) });
  return client.version().then(
    () => true,
    () => false,
  );
}

function endpoint(
  config: Config,
  kind: 'STT' | 'LLM' | 'TTS',
  provider: 'openai' | 'ollama' | 'local',
): Endpoint {
  const role = kind.toLowerCase() as 'stt' | 'llm' | 'tts';
  const baseUrl = config[`${kind}_BASE_URL`];
  const model = config[`${kind}_MODEL`];
  const apiKey = config[`${kind}_API_KEY`];
  if (baseUrl !== undefined) {
    return {
      kind: 'custom',
      baseUrl: trimmed(baseUrl),
      apiKey: apiKey ?? NO_KEY,
      model: model ?? DEFAULT_MODELS.custom[role],
    };
  }
  switch (provider) {
    case 'openai':
      return {
        kind: 'openai',
        baseUrl: OPENAI_BASE_URL,
        apiKey: apiKey ?? config.OPENAI_API_KEY ?? NO_KEY,
        model: model ?? DEFAULT_MODELS.openai[role],
      };
    case 'ollama':
      return {
        kind: 'ollama',
        baseUrl: `${trimmed(config.OLLAMA_HOST)}/v1`,
        apiKey: 'ollama',
        model: model ?? DEFAULT_MODELS.ollama.llm,
      };
    case 'local':
      return {
        kind: 'local',
        baseUrl: inferenceBaseUrl(config),
        apiKey: NO_KEY,
        model: model ?? DEFAULT_MODELS.local[role],
      };
  }
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}
