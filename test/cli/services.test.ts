import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { localModels, pinnedProviders } from '../../src/cli/dev/pinned-providers.ts';
import { createServices } from '../../src/cli/dev/services.ts';
import { loadConfig } from '../../src/config/config.ts';
import { DEFAULT_MODELS } from '../../src/inference/catalogue.ts';
import { type Providers, resolveProviders } from '../../src/providers/resolve.ts';

const BASE_URL = 'http://127.0.0.1:1/v1';
const resolve = (env: Record<string, string>) => resolveProviders(loadConfig(env));

async function withOllama(): Promise<Providers> {
  // What `auto` gives where an Ollama answers.
  return resolve({ LLM_PROVIDER: 'ollama' });
}

async function start(env: Record<string, string>, providers: Providers) {
  const models = localModels(providers);
  const services = await createServices({
    config: loadConfig(env),
    livekit: undefined,
    inference: models.length > 0 && models,
    env: pinnedProviders(providers),
  });
  return (name: string) => services.find((service) => service.name === name);
}

describe('what charla dev starts', () => {
  it('loads the local models that are used, and no others', async () => {
    const all = await start({}, await resolve({ LLM_PROVIDER: 'local' }));
    expect(all('inference')?.args.slice(-2)).toEqual(['--models', 'whisper-base,qwen2.5-0.5b,kokoro']);
    const two = await start({}, await withOllama());
    expect(two('inference')?.args.slice(-2)).toEqual(['--models', 'whisper-base,kokoro']);
    const none = await start({}, await resolve({ OPENAI_API_KEY: 'sk-1' }));
    expect(none('inference')).toBeUndefined();
    expect(none('worker')?.after).toBeUndefined();
  });

  it('starts Redis, livekit-server and livekit-sip one after the other where telephone calls are wanted', async () => {
    const binary = { version: '1', source: 'cache', command: 'a-program', args: [] };
    const redis = { version: '7', source: 'PATH', command: 'a-redis', args: (port: number) => [`${port}`] };
    const services = await createServices({
      config: loadConfig({ SIP_PORT: '15070' }),
      livekit: binary,
      sip: { livekitSip: binary, redis, redisPort: 16379 },
      inference: false,
    });
    expect(services.map(({ name, after }) => [name, after])).toEqual([
      ['redis', undefined],
      ['livekit', 'redis'],
      ['sip', 'livekit'],
      ['serve', undefined],
      ['worker', undefined],
    ]);
    const [first, second, third] = services;
    expect(first).toMatchObject({ args: ['16379'], readyUrl: 'tcp://127.0.0.1:16379' });
    expect(parse(second?.env?.LIVEKIT_CONFIG ?? '')).toMatchObject({ redis: { address: '127.0.0.1:16379' } });
    expect(third?.readyUrl).toBe('tcp://127.0.0.1:15070');
    expect(parse(third?.env?.SIP_CONFIG_BODY ?? '')).toMatchObject({
      redis: { address: '127.0.0.1:16379' },
      listen_ip: '127.0.0.1',
      sip_port: 15070,
    });
    // The others do not hear of that Redis.
    for (const { env } of services.slice(3)) expect(env).toEqual({});
  });

  it('needs, where nothing is configured, the models that charla models pull fetches by itself', async () => {
    const models = localModels(await resolve({ LLM_PROVIDER: 'local' }));
    expect(new Set(models)).toEqual(new Set(DEFAULT_MODELS));
  });

  it('hands the providers that it decided on to the worker and the HTTP API', async () => {
    const service = await start({}, await withOllama());
    for (const name of ['worker', 'serve']) {
      expect(service(name)?.env).toEqual({
        STT_PROVIDER: 'local',
        STT_MODEL: 'whisper-base',
        LLM_PROVIDER: 'ollama',
        LLM_MODEL: 'llama3.2:1b',
        TTS_PROVIDER: 'local',
        TTS_MODEL: 'kokoro',
      });
    }
  });

  it.each([
    {},
    { LLM_PROVIDER: 'local' },
    { OPENAI_API_KEY: 'sk-1', STT_PROVIDER: 'local' },
    { LLM_BASE_URL: BASE_URL, TTS_BASE_URL: BASE_URL, TTS_MODEL: 'own' },
  ])('decides the same as its children do with %j', async (env) => {
    const given = { ...env, OLLAMA_HOST: BASE_URL };
    const providers = await resolve(given);
    expect(await resolve({ ...given, ...pinnedProviders(providers) })).toEqual(providers);
  });

  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
    ['::1', '[::1]'],
  ])('is asked whether it is ready at a URL that there is, with HOST=%s', async (HOST, host) => {
    const env = {
      HOST,
      INFERENCE_HOST: HOST,
      LIVEKIT_API_KEY: 'key',
      LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
      ADMIN_API_KEY: 'an-api-key-of-the-tests',
    };
    const service = await start(env, await resolve({ LLM_PROVIDER: 'local' }));
    expect(service('serve')?.readyUrl).toBe(`http://${host}:8000/settings`);
    expect(service('inference')?.readyUrl).toBe(`http://${host}:8090/health`);
  });
});
