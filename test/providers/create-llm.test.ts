import { initializeLogger, llm } from '@livekit/agents';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { canCallTools, createLLM, warmPrompt } from '../../src/providers/llm/create-llm.ts';
import { serve } from '../inference/support.ts';
import { type ChatRequest, type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';

initializeLogger({ pretty: false, level: 'silent' });

let engines: FixedEngines | undefined;
afterEach(async () => {
  await engines?.close();
  engines = undefined;
});

describe('the language model of a call', () => {
  it('reads ahead with exactly the tools that it is asked with', async () => {
    engines = await startFixedEngines({ firstTokenMs: 1, tokenMs: 1 });
    const endpoint = { kind: 'local', baseUrl: engines.baseUrl, apiKey: 'none', model: 'm' } as const;
    const parameters = z.object({
      path: z.string().describe('Where'),
      value: z.coerce.string().describe('What'),
    });
    const tool = (name: string) =>
      llm.tool({ name, description: `Does ${name}`, parameters, execute: async () => 'done' });
    const toolCtx = new llm.ToolContext([tool('b_tool'), tool('a_tool')]);
    await warmPrompt(endpoint, 'call-1', 'Be brief.', toolCtx);
    const chatCtx = new llm.ChatContext([
      llm.ChatMessage.create({ role: 'system', content: ['Be brief.'] }),
      llm.ChatMessage.create({ role: 'user', content: ['Hola'] }),
    ]);
    for await (const _ of createLLM(endpoint, 'call-1').chat({ chatCtx, toolCtx }));
    const [ahead, asked] = engines.requests as ChatRequest[];
    expect(ahead?.body.tools).toEqual(asked?.body.tools);
    expect(ahead?.body.tools).toMatchObject([
      { function: { name: 'a_tool' } },
      { function: { name: 'b_tool' } },
    ]);
    expect(JSON.stringify(ahead?.body.tools)).toBe(JSON.stringify(asked?.body.tools));
    expect(ahead?.body.messages[0]).toEqual(asked?.body.messages[0]);
  });

  it('gets no tools where an Ollama says that it cannot use them, or says nothing', async () => {
    const ollama = async (answer: object | undefined) => {
      const { url } = await serve((_request, response) => {
        response.writeHead(answer === undefined ? 500 : 200).end(JSON.stringify(answer ?? {}));
      });
      return canCallTools({ kind: 'ollama', baseUrl: `${url}/v1`, apiKey: 'ollama', model: 'm' });
    };
    expect(await ollama({ capabilities: ['completion', 'tools'] })).toBe(true);
    expect(await ollama({ capabilities: ['completion'] })).toBe(false);
    expect(await ollama({})).toBe(false);
    expect(await ollama(undefined)).toBe(false);
    expect(await canCallTools({ kind: 'custom', baseUrl: 'http://x/v1', apiKey: 'k', model: 'm' })).toBe(
      true,
    );
  });
});
