import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { prepareSpeech } from '../../src/agent/prepare-speech.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startFixedEngines } from '../support/fixed-engines.ts';

it('the agent’s phrases are made when nobody calls, and all of them', async () => {
  const home = await mkdtemp(join(tmpdir(), 'charla-phrases-'));
  const engines = await startFixedEngines({ firstAudioMs: 0 });
  onTestFinished(async () => {
    await engines.close();
    await rm(home, { recursive: true });
  });
  const config = loadConfig({ NODE_ENV: 'test', CHARLA_HOME: home, TTS_BASE_URL: engines.baseUrl });
  const endpoint = {
    kind: 'custom' as const,
    baseUrl: engines.baseUrl,
    apiKey: 'none',
    model: 'tts-1',
    voices: { es: 'alloy', en: 'alloy' },
  };
  let calls = 1;
  const done = prepareSpeech(config, { endpoint, log: createLogger('test', 'silent'), calls: () => calls });
  await sleep(1_200);
  expect(engines.requests).toEqual([]);
  calls = 0;
  await done;
  expect(engines.requests.length).toBeGreaterThan(10);
});
