import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeCall } from './fake-call.ts';

initializeLogger({ pretty: false, level: process.env.FAKE_LOG ?? 'silent' });

let call: FakeCall;
beforeEach(async () => {
  vi.useFakeTimers();
  call = await new FakeCall().start();
});
afterEach(async () => {
  await call.hangUp();
  vi.useRealTimers();
});

/** Says it and waits for the answer. @returns from the last word to the answer's first sound, ms */
async function ask(words: string): Promise<number> {
  await call.says(words);
  const end = call.now;
  await call.passes(9_000);
  return (call.heardAfter(end)?.from ?? Number.POSITIVE_INFINITY) - end;
}

/** Says it and waits for the answer. @returns from the last word to the decision that the turn is over, ms */
async function waitAfter(words: string): Promise<number> {
  await call.says(words);
  const end = call.now;
  await call.passes(9_000);
  return (call.turns.at(-1)?.at ?? Number.POSITIVE_INFINITY) - end;
}

const users = () => call.history.filter((line) => line.startsWith('user')).map((line) => line.slice(6));

describe('the end of a turn', () => {
  it('comes soon after a complete question, and later after a sentence that may go on', async () => {
    const question = await waitAfter('¿Qué tengo en el carrito?');
    const sentence = await waitAfter('Quiero cancelar mi pedido.');
    const number = await waitAfter('Mi teléfono es el 612.');
    // From the caller's last sound: the VAD needs 250 ms, the transcriber 100.
    expect(question).toBeLessThan(420);
    expect(sentence).toBeGreaterThan(650);
    expect(sentence).toBeLessThan(800);
    expect(number).toBeGreaterThan(1_450);
  });

  it.each([300, 600, 900, 1_100])('is not taken for a pause of %s ms in a sentence', async (pauseMs) => {
    await call.says('Quiero saber.');
    await call.passes(pauseMs);
    await ask('cuánto cuesta la laptop.');
    expect(users()).toEqual(['Quiero saber. cuánto cuesta la laptop.']);
    expect(call.textAfter(2_500)).toBe('Dices: Quiero saber. cuánto cuesta la laptop.');
  });

  it('waits for the words of the last part when the transcriber is slow', async () => {
    call.engines.stt.delayMs = 900;
    await call.says('Quiero saber.');
    await call.passes(700);
    await ask('cuánto cuesta.');
    expect(users()).toEqual(['Quiero saber. cuánto cuesta.']);
  });

  it('does not wait for words after a noise', async () => {
    await call.says('¿Qué tengo en el carrito?');
    await call.passes(200);
    await call.says('', 200);
    const end = call.now;
    await call.passes(9_000);
    expect(users()).toEqual(['¿Qué tengo en el carrito?']);
    expect((call.heardAfter(end)?.from ?? 0) - end).toBeLessThan(1_200);
  });

  it('learns that a caller makes long pauses', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      await call.says('Pues mire, es que');
      await call.passes(900);
      await ask('Quiero cancelar mi pedido.');
    }
    const before = users().length;
    await call.says('Quiero cancelar mi pedido.');
    await call.passes(850);
    await ask('Y también la factura.');
    expect(users()).toHaveLength(before + 1);
  });
});

describe('a turn that was taken too early', () => {
  it('is answered as one, and nothing of the answer that was thrown away is in the conversation', async () => {
    call.engines.llm.delayMs = 1_200;
    await call.says('Quiero cancelar mi pedido.');
    await call.passes(1_300);
    expect(users()).toEqual(['Quiero cancelar mi pedido.']);
    await ask('El que hice la semana pasada.');
    expect(call.asked.at(-1)).toBe('Quiero cancelar mi pedido. El que hice la semana pasada.');
    expect(call.history.slice(1)).toEqual([
      'user: Quiero cancelar mi pedido.',
      'user: El que hice la semana pasada.',
      'assistant: Dices: Quiero cancelar mi pedido. El que hice la semana pasada.',
    ]);
  });
});
