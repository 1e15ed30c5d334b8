import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createAwaySentence } from '../../src/http/away-sentence.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';

let engines: FixedEngines;
beforeAll(async () => {
  engines = await startFixedEngines({ msPerCharacter: 50 });
});
afterAll(() => engines?.close());

it('the sentence for callers whose room is away is made once for a language, for telephones', async () => {
  const config = loadConfig({ NODE_ENV: 'test', TTS_BASE_URL: engines.baseUrl });
  const sentence = createAwaySentence(config, createLogger('test', 'silent'));
  engines.fail('tts', { status: 400, times: 1 });
  await expect(sentence('es')).resolves.toBeUndefined();

  const [pcm, again] = await Promise.all([sentence('es'), sentence('es')]);
  expect(again).toBe(pcm);
  const asked = engines.requests.filter(({ kind }) => kind === 'tts').at(-1);
  const text = asked?.kind === 'tts' ? asked.body.input : '';
  expect(text).toContain('No cuelgues');
  expect((pcm?.length ?? 0) / 8_000).toBeCloseTo(text.length * 0.05, 1);
  await sentence('en');
  expect(engines.requests.filter(({ kind }) => kind === 'tts')).toHaveLength(3);
});
