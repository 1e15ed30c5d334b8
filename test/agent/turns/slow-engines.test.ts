import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeCall } from './fake-call.ts';

initializeLogger({ pretty: false, level: process.env.FAKE_LOG ?? 'silent' });

const QUESTION = '¿Qué tengo en el carrito?';
const ANSWER = `Dices: ${QUESTION}`;

let call: FakeCall;
let filler: string;
beforeEach(async () => {
  vi.useFakeTimers();
  call = await new FakeCall().start();
  filler = call.prompts.phrases.filler;
});
afterEach(async () => {
  await call.hangUp();
  vi.useRealTimers();
});

/** Says it, waits for what comes. @returns what was heard, and how long after the last word each began, ms */
async function ask(words: string, waitMs = 14_000): Promise<Array<{ text: string; afterMs: number }>> {
  await call.says(words);
  const end = call.now;
  await call.passes(waitMs);
  return call.sounds
    .filter(({ from }) => from >= end)
    .map(({ from, text }) => ({ text, afterMs: Math.round(from - end) }));
}

const wordsOf = (heard: ReadonlyArray<{ text: string }>) => heard.map(({ text }) => text).join(' ');

describe('an engine that is slow', () => {
  it.each([
    ['model', 'llm', 4_000],
    ['voice', 'tts', 4_000],
    ['transcriber', 'stt', 4_000],
  ] as const)('is bridged by a phrase before 2.5 s when it is the %s', async (_name, engine, delayMs) => {
    call.engines[engine].delayMs = delayMs;
    const heard = await ask(QUESTION);
    expect(wordsOf(heard)).toBe(`${filler} ${ANSWER}`);
    expect(heard[0]?.afterMs).toBeLessThan(2_500);
    expect(heard[0]?.afterMs).toBeGreaterThan(1_800);
  });

  it('is not remarked upon while the silence is a natural one', async () => {
    call.engines.llm.delayMs = 1_200;
    expect(wordsOf(await ask(QUESTION))).toBe(ANSWER);
  });

  it('leaves no trace of the phrase in the conversation', async () => {
    call.engines.llm.delayMs = 3_000;
    await ask(QUESTION);
    expect(call.history.slice(1)).toEqual([`user: ${QUESTION}`, `assistant: ${ANSWER}`]);
  });

  it('is bridged once, even when two of them are slow', async () => {
    call.engines.llm.delayMs = 4_000;
    call.engines.tts.delayMs = 4_000;
    call.engines.stt.delayMs = 3_000;
    const heard = await ask(QUESTION, 20_000);
    expect(wordsOf(heard)).toBe(`${filler} ${ANSWER}`);
  });

  it('is bridged again for the next question', async () => {
    call.engines.llm.delayMs = 4_000;
    await ask(QUESTION);
    expect(wordsOf(await ask(QUESTION))).toBe(`${filler} ${ANSWER}`);
  });

  it('is not bridged over a caller who goes on', async () => {
    call.engines.llm.delayMs = 4_000;
    await call.says('Quiero cancelar mi pedido.');
    await call.passes(1_500);
    const goesOn = call.now;
    await call.says('Bueno, en realidad no lo sé muy bien, tengo que pensarlo.', 4_000);
    expect(call.heardAfter(goesOn)).toBeUndefined();
  });

  it('is not bridged after a noise', async () => {
    call.engines.stt.delayMs = 500;
    expect(await ask('', 700)).toBeDefined();
    await call.passes(5_000);
    expect(call.textAfter(2_500)).toBe('');
  });

  it('that never answers ends in an apology, and the next question is answered', async () => {
    call.engines.llm.delayMs = 600_000;
    const heard = await ask(QUESTION, 20_000);
    expect(wordsOf(heard)).toBe(`${filler} ${call.prompts.phrases.model_failed}`);
    call.engines.llm.delayMs = 100;
    expect(wordsOf(await ask('¿Cuánto cuesta todo?'))).toBe('Dices: ¿Cuánto cuesta todo?');
  });
});
