import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { needsInference, OPENAI_BASE_URL, resolveProviders } from '../../src/providers/resolve.ts';

const ollama = Fastify();
ollama.get('/api/version', async () => ({ version: '0.9.0' }));
const other = Fastify();
let ollamaHost: string;
let otherHost: string;
/** Nobody listens on port 1. */
const NOBODY = 'http://127.0.0.1:1';

beforeAll(async () => {
  for (const server of [ollama, other]) await server.listen({ host: '127.0.0.1', port: 0 });
  ollamaHost = `http://127.0.0.1:${(ollama.server.address() as AddressInfo).port}`;
  otherHost = `http://127.0.0.1:${(other.server.address() as AddressInfo).port}`;
});
afterAll(() => Promise.all([ollama.close(), other.close()]));

const resolve = (env: Record<string, string> = {}) =>
  resolveProviders(loadConfig({ OLLAMA_HOST: NOBODY, INFERENCE_PORT: '18400', ...env }));

const LOCAL = { kind: 'local', baseUrl: 'http://127.0.0.1:18400/v1', apiKey: 'none' };
const OPENAI = { kind: 'openai', baseUrl: OPENAI_BASE_URL, apiKey: 'sk-1' };

describe('who serves what', () => {
  it('is our own inference when nothing is configured', async () => {
    const providers = await resolve();
    expect(providers).toEqual({
      stt: { ...LOCAL, model: 'whisper-base' },
      llm: { ...LOCAL, model: 'qwen2.5-0.5b' },
      tts: { ...LOCAL, model: 'kokoro', voices: { es: 'ef_dora', en: 'af_heart' } },
    });
    expect(needsInference(providers)).toBe(true);
  });

  it('is OpenAI for everything when there is a key', async () => {
    const providers = await resolve({ OPENAI_API_KEY: 'sk-1', OLLAMA_HOST: ollamaHost });
    expect(providers).toEqual({
      stt: { ...OPENAI, model: 'gpt-4o-mini-transcribe' },
      llm: { ...OPENAI, model: 'gpt-4.1-mini' },
      tts: { ...OPENAI, model: 'gpt-4o-mini-tts', voices: { es: 'nova', en: 'nova' } },
    });
    expect(needsInference(providers)).toBe(false);
  });

  it('is an Ollama that answers, for the model only', async () => {
    const { stt, llm, tts } = await resolve({ OLLAMA_HOST: `${ollamaHost}/` });
    expect(llm).toEqual({
      kind: 'ollama',
      baseUrl: `${ollamaHost}/v1`,
      apiKey: 'ollama',
      model: 'llama3.2:1b',
    });
    expect([stt.kind, tts.kind]).toEqual(['local', 'local']);
  });

  it('is our own where something else answers at OLLAMA_HOST', async () => {
    expect((await resolve({ OLLAMA_HOST: otherHost })).llm.kind).toBe('local');
  });

  it.each([
    ['openai', { LLM_PROVIDER: 'openai', LLM_API_KEY: 'sk-llm' }, { kind: 'openai', apiKey: 'sk-llm' }],
    [
      'openai with the common key',
      { LLM_PROVIDER: 'openai', OPENAI_API_KEY: 'sk-1' },
      { kind: 'openai', apiKey: 'sk-1' },
    ],
    ['ollama, answering or not', { LLM_PROVIDER: 'ollama' }, { kind: 'ollama', baseUrl: `${NOBODY}/v1` }],
    ['local in spite of a key', { LLM_PROVIDER: 'local', OPENAI_API_KEY: 'sk-1' }, LOCAL],
    [
      'a base URL in spite of all',
      {
        LLM_PROVIDER: 'ollama',
        OPENAI_API_KEY: 'sk-1',
        LLM_BASE_URL: 'http://gpu:8000/v1/',
        LLM_API_KEY: 'k',
      },
      { kind: 'custom', baseUrl: 'http://gpu:8000/v1', apiKey: 'k', model: 'default' },
    ],
    ['the model that is named', { LLM_PROVIDER: 'ollama', LLM_MODEL: 'qwen3:4b' }, { model: 'qwen3:4b' }],
  ])('is for the model %s', async (_, env, expected) => {
    expect((await resolve(env as Record<string, string>)).llm).toMatchObject(expected);
  });

  it.each(['STT', 'TTS'] as const)('is for %s what its own variables say', async (kind) => {
    const role = kind.toLowerCase() as 'stt' | 'tts';
    const openai = { OPENAI_API_KEY: 'sk-1' };
    expect((await resolve({ ...openai, [`${kind}_PROVIDER`]: 'local' }))[role]).toMatchObject(LOCAL);
    expect((await resolve({ [`${kind}_PROVIDER`]: 'openai', ...openai }))[role]).toMatchObject(OPENAI);
    const custom = { [`${kind}_BASE_URL`]: 'http://gpu:8000/v1', [`${kind}_MODEL`]: 'm' };
    expect((await resolve({ ...openai, ...custom }))[role]).toMatchObject({
      kind: 'custom',
      baseUrl: 'http://gpu:8000/v1',
      model: 'm',
    });
  });

  it('never sends the key of OpenAI to an endpoint of the user', async () => {
    const { stt, llm, tts } = await resolve({
      OPENAI_API_KEY: 'sk-1',
      STT_BASE_URL: 'http://gpu:1/v1',
      LLM_BASE_URL: 'http://gpu:2/v1',
      TTS_BASE_URL: 'http://gpu:3/v1',
    });
    expect([stt.apiKey, llm.apiKey, tts.apiKey]).toEqual(['none', 'none', 'none']);
  });

  it('speaks with the voice that is named in both languages, else with one that the server has', async () => {
    expect((await resolve({ TTS_VOICE: 'em_alex' })).tts.voices).toEqual({ es: 'em_alex', en: 'em_alex' });
    expect((await resolve({ TTS_BASE_URL: 'http://gpu:1/v1' })).tts.voices).toEqual({
      es: 'alloy',
      en: 'alloy',
    });
  });
});
