import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { health, modelHealth, type RealEngines, startRealEngines, untilIdle } from './real-engines.ts';
import { wordErrorRate, words } from './word-error-rate.ts';

/** Real models answer here, on a machine that may have other things to do. */
const SLOW = 180_000;
const CHAT = { model: 'qwen2.5-0.5b', temperature: 0 } as const;
const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city now',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
} as const;
const LONG_TEXT =
  'Hola Carlos, en tu carrito tienes una laptop y un mouse de color negro. El total de la compra es de mil doscientos dólares. ' +
  '¿Quieres que te ayude a terminar la compra ahora mismo, o prefieres seguir mirando otras cosas?';

let engines: RealEngines;
let client: OpenAI;
beforeAll(async () => {
  engines = await startRealEngines({ queueLimit: 3 });
  client = engines.client;
}, SLOW);
afterAll(() => engines.close(), SLOW);

async function speak(input: string, voice = 'ef_dora'): Promise<Buffer> {
  const response = await client.audio.speech.create({ model: 'kokoro', voice, input });
  return Buffer.from(await response.arrayBuffer());
}

async function transcribe(bytes: Buffer, language: string): Promise<string> {
  const file = await toFile(bytes, 'speech.wav');
  return (await client.audio.transcriptions.create({ model: 'whisper-base', language, file })).text;
}

describe('speech', () => {
  it('says Spanish that Whisper understands', { timeout: SLOW }, async () => {
    const said = 'En el carrito tienes una laptop y un mouse.';
    expect(words(await transcribe(await speak(said), 'es'))).toEqual(words(said));
  });

  it('says English for an English voice', { timeout: SLOW }, async () => {
    const said = 'There are two tickets open, and the payment failed.';
    expect(wordErrorRate([said], [await transcribe(await speak(said, 'af_heart'), 'en')])).toBeLessThan(0.2);
  });

  it('speaks by OpenAI’s voices too', { timeout: SLOW }, async () => {
    expect(words(await transcribe(await speak('Buenas tardes, Carlos.', 'onyx'), 'es'))).toContain('tardes');
  });

  it('sends the first clause before the last is made', { timeout: SLOW }, async () => {
    const response = await client.audio.speech.create({
      model: 'tts-1',
      voice: 'ef_dora',
      input: LONG_TEXT,
      response_format: 'pcm',
    });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(first?.value?.byteLength).toBeGreaterThan(0);
    expect((await modelHealth(engines.url, 'kokoro')).running).toBe(1);
    await reader?.cancel();
    await untilIdle(engines.url, 'kokoro');
  });

  it('stops when the listener goes away', { timeout: SLOW }, async () => {
    const controller = new AbortController();
    const request = { model: 'kokoro', voice: 'ef_dora', input: LONG_TEXT.repeat(20) } as const;
    const response = await client.audio.speech.create(request, { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    // The whole text would take minutes.
    await untilIdle(engines.url, 'kokoro');
    expect(await modelHealth(engines.url, 'kokoro')).toMatchObject({ running: 0, waiting: 0 });
  });

  it('speaks faster when asked', { timeout: SLOW }, async () => {
    const request = { model: 'kokoro', voice: 'ef_dora', input: 'Hola, buenas tardes.' } as const;
    const slow = await (await client.audio.speech.create(request)).arrayBuffer();
    const fast = await (await client.audio.speech.create({ ...request, speed: 1.5 })).arrayBuffer();
    expect(fast.byteLength).toBeLessThan(slow.byteLength);
  });

  it('names what it can do when it is asked for something else', async () => {
    const speech = (extra: object) =>
      client.audio.speech.create({ model: 'kokoro', voice: 'ef_dora', input: 'Hola.', ...extra });
    await expect(speech({ voice: 'nobody' })).rejects.toMatchObject({
      status: 400,
      param: 'voice',
      message: expect.stringContaining('ef_dora'),
    });
    await expect(speech({ response_format: 'mp3' })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('wav'),
    });
    await expect(speech({ input: 'a'.repeat(8001) })).rejects.toMatchObject({ status: 400, param: 'input' });
  });

  it('refuses what would wait too long, and takes requests again afterwards', { timeout: SLOW }, async () => {
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        client.audio.speech.create({ model: 'kokoro', voice: 'ef_dora', input: `Número ${index}.` }),
      ),
    );
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) {
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect(error.code).toBe('CHARLA_MODEL_QUEUE_FULL');
      expect(error.headers.get('retry-after')).toBe('2');
    }
    await untilIdle(engines.url, 'kokoro');
    expect((await speak('Ya.')).byteLength).toBeGreaterThan(1000);
  });
});

describe('chat', () => {
  const instructions = {
    role: 'system',
    content: 'Eres un asistente de voz. Responde corto. En el carrito de Carlos hay una laptop y un mouse.',
  } as const;
  const question = { role: 'user', content: '¿Qué tengo en el carrito?' } as const;

  it('streams an answer from the data, with its usage at the end', { timeout: SLOW }, async () => {
    const stream = await client.chat.completions.create({
      ...CHAT,
      messages: [instructions, question],
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    const ends: unknown[] = [];
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      pieces.push(chunk.choices[0]?.delta.content ?? '');
      ends.push(chunk.choices[0]?.finish_reason ?? undefined);
      usage = chunk.usage;
    }
    expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(2);
    expect(pieces.join('').toLowerCase()).toContain('laptop');
    expect(ends).toContain('stop');
    expect(usage?.completion_tokens).toBeGreaterThan(2);
  });

  it('keeps the conversation so far in memory for the next turn', { timeout: SLOW }, async () => {
    const first = await client.chat.completions.create({ ...CHAT, messages: [instructions, question] });
    const answer = first.choices[0]?.message.content ?? '';
    const second = await client.chat.completions.create({
      ...CHAT,
      messages: [
        instructions,
        question,
        { role: 'assistant', content: answer },
        { role: 'user', content: 'Gracias.' },
      ],
    });
    expect(second.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThanOrEqual(
      first.usage?.prompt_tokens ?? Number.POSITIVE_INFINITY,
    );
  });

  it('keeps the conversations of callers who talk at the same time apart', { timeout: SLOW }, async () => {
    const ask = (fruit: string) =>
      client.chat.completions.create({
        ...CHAT,
        max_tokens: 30,
        messages: [
          { role: 'system', content: `The word of the day is ${fruit}.` },
          { role: 'user', content: 'What is the word of the day?' },
        ],
      });
    const fruits = ['banana', 'apple', 'cherry'];
    const answers = await Promise.all(fruits.map(ask));
    expect(answers.map(({ choices }) => choices[0]?.message.content?.toLowerCase())).toEqual(
      fruits.map((fruit) => expect.stringContaining(fruit)),
    );
  });

  it('ends at a stop sequence and at the limit of tokens', { timeout: SLOW }, async () => {
    const messages = [{ role: 'user' as const, content: 'Count from 1 to 9, with commas.' }];
    const stopped = await client.chat.completions.create({ ...CHAT, messages, stop: '4' });
    expect(stopped.choices[0]?.message.content).toMatch(/3/);
    expect(stopped.choices[0]?.message.content).not.toMatch(/4/);
    const cut = await client.chat.completions.create({ ...CHAT, messages, max_tokens: 3 });
    expect(cut.choices[0]?.finish_reason).toBe('length');
    expect(cut.usage?.completion_tokens).toBe(3);
  });

  it('writes JSON as the schema says', { timeout: SLOW }, async () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' }, mood: { enum: ['good', 'bad'] } },
      required: ['name', 'age', 'mood'],
    };
    const answer = await client.chat.completions.create({
      ...CHAT,
      messages: [{ role: 'user', content: 'Describe Ana, who is 30 and happy.' }],
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({
      name: expect.stringContaining('Ana'),
      age: 30,
      mood: expect.stringMatching(/^(good|bad)$/),
    });
  });

  it('calls the tool that it is told to call, and tells what came of it', { timeout: SLOW }, async () => {
    const messages = [{ role: 'user' as const, content: 'What is the weather like in Madrid?' }];
    const answer = await client.chat.completions.create({
      ...CHAT,
      messages,
      tools: [WEATHER],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    });
    const [choice] = answer.choices;
    const call = choice?.message.tool_calls?.[0];
    expect(choice?.finish_reason).toBe('tool_calls');
    if (call?.type !== 'function') throw new Error('no function was called');
    expect(JSON.parse(call.function.arguments)).toEqual({ city: 'Madrid' });
    const told = await client.chat.completions.create({
      ...CHAT,
      tools: [WEATHER],
      tool_choice: 'none',
      messages: [
        ...messages,
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: call.id, content: '{"temperature": 31, "sky": "clear"}' },
        { role: 'user', content: 'So how many degrees is it?' },
      ],
    });
    expect(told.choices[0]?.message.content).toContain('31');
  });

  it('streams the call of a tool whole', { timeout: SLOW }, async () => {
    const stream = client.chat.completions.stream({
      ...CHAT,
      messages: [{ role: 'user', content: 'What is the weather like in Madrid?' }],
      tools: [WEATHER],
      tool_choice: 'required',
    });
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]?.message.tool_calls?.[0]?.function.name).toBe('get_weather');
  });

  it('stops at the next token when the client goes away', { timeout: SLOW }, async () => {
    const stream = await client.chat.completions.create({
      ...CHAT,
      messages: [{ role: 'user', content: 'Count from 1 to 500, one number a line.' }],
      stream: true,
    });
    let pieces = 0;
    for await (const _ of stream) {
      pieces += 1;
      if (pieces === 5) break;
    }
    await untilIdle(engines.url, 'qwen2.5-0.5b');
    expect(pieces).toBe(5);
  });

  it('waits while its caller’s voice is made or heard, and for no other caller’s', {
    timeout: SLOW,
  }, async () => {
    const asCaller = (id: string) => ({ headers: { 'x-client-id': id } });
    const messages = [
      { role: 'user' as const, content: 'Escribe una historia muy larga de un perro y un gato.' },
    ];
    const stream = await client.chat.completions.create(
      { ...CHAT, messages, stream: true, max_tokens: 400 },
      asCaller('ana'),
    );
    const written: number[] = [];
    const writing = (async () => {
      for await (const _chunk of stream) written.push(performance.now());
    })();
    const said = await speak('En el carrito tienes una laptop.');
    /** How many pieces were written while something else was done. */
    const writtenDuring = async (work: () => Promise<unknown>) => {
      const before = written.length;
      await expect.poll(() => written.length, { timeout: 20_000 }).toBeGreaterThan(before + 3);
      const from = written.length;
      await work();
      return written.length - from;
    };
    const voiceOf = async (id: string, input: string) => {
      const request = { model: 'kokoro', voice: 'ef_dora', input };
      await (await client.audio.speech.create(request, asCaller(id))).arrayBuffer();
    };
    const wordsOf = async (id: string) => {
      const file = await toFile(said, 'speech.wav');
      await client.audio.transcriptions.create({ model: 'whisper-base', language: 'es', file }, asCaller(id));
    };
    expect(await writtenDuring(() => voiceOf('eva', LONG_TEXT))).toBeGreaterThan(3);
    // What the model was in the middle of still comes, and what it writes as soon as it may.
    expect(await writtenDuring(() => voiceOf('ana', 'En el carrito tienes una laptop.'))).toBeLessThan(4);
    expect(await writtenDuring(() => wordsOf('ana'))).toBeLessThan(4);
    stream.controller.abort();
    await writing.catch(() => undefined);
    await untilIdle(engines.url, CHAT.model);
  });

  it('says so when the conversation is longer than the model sees', { timeout: SLOW }, async () => {
    const messages = [{ role: 'user' as const, content: 'hola '.repeat(5000) }];
    await expect(client.chat.completions.create({ ...CHAT, messages })).rejects.toMatchObject({
      status: 400,
      code: 'CHARLA_CONTEXT_TOO_LONG',
    });
  });

  it('names the field that is wrong', async () => {
    const messages = [{ role: 'user' as const, content: 'hi' }];
    await expect(client.chat.completions.create({ ...CHAT, messages, temperature: 9 })).rejects.toMatchObject(
      { status: 400, param: 'temperature', type: 'invalid_request_error' },
    );
  });
});

describe('the server', () => {
  it('lists its models', async () => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(expect.arrayContaining(['whisper-base', 'kokoro', 'qwen2.5-0.5b']));
  });

  it('answers an unknown model the way OpenAI does', async () => {
    const messages = [{ role: 'user' as const, content: 'hi' }];
    const chat = client.chat.completions.create({ model: 'gpt-9', messages });
    await expect(chat).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    // A model of another job is no answer either.
    await expect(client.chat.completions.create({ model: 'kokoro', messages })).rejects.toMatchObject({
      status: 404,
      code: 'CHARLA_MODEL_UNKNOWN',
    });
  });

  it('keeps all three models in less than 2.2 GB', async () => {
    const { status, memory } = await health(engines.url);
    expect(status).toBe('ok');
    expect(memory.rssBytes).toBeLessThan(2.2e9);
  });

  it('answers an unknown path the way OpenAI does', async () => {
    const response = await fetch(`${engines.url}/nowhere`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'CHARLA_NOT_FOUND' } });
  });
});
