import { initializeLogger, llm } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { AudioFrame } from '@livekit/rtc-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { warmPrompt } from '../../src/providers/llm/create-llm.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { recordedSpeech, SPEECH_SAMPLE_RATE } from '../support/recorded-speech.ts';

initializeLogger({ pretty: false, level: 'silent' });

let engines: FixedEngines;
beforeEach(async () => {
  engines = await startFixedEngines({
    transcript: 'hola',
    answer: 'Tienes dos tickets.',
    msPerCharacter: 100,
  });
});
afterEach(() => engines.close());

describe('the fixed engines, asked by the stock plugin', () => {
  const stock = () => ({ baseURL: engines.baseUrl, apiKey: 'k' });

  it('transcribe', async () => {
    const pcm = recordedSpeech();
    const transcriber = new openai.STT({ ...stock(), model: 'whisper-1', useRealtime: false });
    const event = await transcriber.recognize([new AudioFrame(pcm, SPEECH_SAMPLE_RATE, 1, pcm.length)]);
    expect(event.alternatives?.[0].text).toBe('hola');
  });

  it('answer token by token', async () => {
    const chatCtx = llm.ChatContext.empty();
    chatCtx.addMessage({ role: 'user', content: '¿Qué tengo?' });
    const tokens: string[] = [];
    for await (const chunk of new openai.LLM({ ...stock(), model: 'm' }).chat({ chatCtx })) {
      if (chunk.delta?.content) tokens.push(chunk.delta.content);
    }
    expect(tokens).toEqual(['Tienes', ' dos', ' tickets.']);
  });

  it('speak', async () => {
    let samples = 0;
    for await (const { frame } of new openai.TTS(stock()).synthesize('Diez letras'))
      samples += frame.samplesPerChannel;
    expect(samples / 24_000).toBeCloseTo(1.1, 2);
  });
});

describe('instructions read ahead', () => {
  const endpoint = () => ({ baseUrl: engines.baseUrl, apiKey: 'none', model: 'm' });

  it('go to a local model as they will be asked with', async () => {
    await warmPrompt({ ...endpoint(), kind: 'local' }, 'call-7', 'Eres…');
    expect(engines.requests).toMatchObject([
      { kind: 'llm', body: { messages: [{ role: 'system', content: 'Eres…' }], max_tokens: 1 } },
    ]);
  });

  it('go to nobody who would bill them', async () => {
    await warmPrompt({ ...endpoint(), kind: 'openai' }, 'call-7', 'Eres…');
    await warmPrompt({ ...endpoint(), kind: 'custom' }, 'call-7', 'Eres…');
    expect(engines.requests).toEqual([]);
  });
});
