import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineRecorder } from '../../bench/support/engine-recorder.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';

let engines: FixedEngines;
let recorder: EngineRecorder;
let client: OpenAI;

beforeEach(async () => {
  engines = await startFixedEngines({ firstAudioMs: 5, firstTokenMs: 5, tokenMs: 1, answer: 'Hola, Ana.' });
  recorder = await EngineRecorder.start(Number(new URL(engines.baseUrl).port));
  client = new OpenAI({ baseURL: `http://127.0.0.1:${recorder.port}/v1`, apiKey: 'k', maxRetries: 0 });
});
afterEach(async () => {
  await recorder.close();
  await engines.close();
});

const speech = (input: string, signal?: AbortSignal) =>
  client.audio.speech.create({ model: 'm', voice: 'v', input, response_format: 'pcm' }, { signal });

describe('the recorder between a pipeline and its engines', () => {
  it('passes everything through, and notes begin, first byte and end of each request', async () => {
    const sound = await (await speech('Hola.')).arrayBuffer();
    expect(sound.byteLength).toBeGreaterThan(1_000);
    const answer = await client.chat.completions.create({ model: 'm', messages: [] });
    expect(answer.choices[0]?.message.content).toBe('Hola, Ana.');
    await expect.poll(() => recorder.spans.filter(({ to }) => to !== undefined).length).toBe(2);
    expect(recorder.spans.map(({ engine, complete }) => ({ engine, complete }))).toEqual([
      { engine: 'tts', complete: true },
      { engine: 'llm', complete: true },
    ]);
    for (const { from, firstByteAt = Number.NaN, to = Number.NaN } of recorder.spans) {
      expect(firstByteAt).toBeGreaterThanOrEqual(from);
      expect(to).toBeGreaterThanOrEqual(firstByteAt);
    }
  });

  it('gives a request up towards the engine as well when the pipeline does', async () => {
    engines.fail('tts', { hang: true });
    const abort = new AbortController();
    const asked = speech('Hola.', abort.signal);
    await expect.poll(() => engines.requests.length).toBe(1);
    abort.abort();
    await expect(asked).rejects.toThrow();
    expect(recorder.spans).toEqual([expect.objectContaining({ complete: false })]);
    await expect.poll(() => recorder.spans[0]?.to).toBeDefined();
    expect(recorder.spans).toEqual([expect.objectContaining({ complete: false })]);
    await expect.poll(() => engines.requests[0]?.abortedAt).toBeDefined();
  });

  it('counts no request that is none of an engine', async () => {
    const response = await fetch(`http://127.0.0.1:${recorder.port}/health`);
    expect(await response.json()).toEqual({ status: 'ok' });
    expect(recorder.spans).toEqual([]);
  });
});
