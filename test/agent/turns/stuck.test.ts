import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useSteadyClock } from '../../../src/agent/turns/steady-clock.ts';
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

/** Whether a new question gets an answer. */
async function answers(): Promise<boolean> {
  const question = '¿Sigues ahí todavía?';
  await call.says(question);
  const end = call.now;
  await call.passes(8_000);
  return call.textAfter(end).includes(question);
}

describe('a call that should be stuck', () => {
  it('answers words whose turn never ends because the clock was set back', async () => {
    await call.says('¿Qué tengo en el carrito?');
    await call.passes(320);
    vi.setSystemTime(Date.now() - 3_600_000);
    await call.passes(9_000);
    expect(call.stuck).toEqual(['no-turn']);
    expect(call.textAfter(2_500)).toContain('Dices: ¿Qué tengo en el carrito?');
  });

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('goes on when the clock jumps %s while the agent speaks', async (_where, byMs) => {
    const giveBack = useSteadyClock();
    await call.says('¿Qué tengo en el carrito?');
    await call.passes(1_000);
    vi.setSystemTime(Date.now() + byMs);
    await call.passes(6_000);
    expect(await answers()).toBe(true);
    expect(call.stuck).toEqual([]);
    giveBack();
  });

  it('goes on after an answer whose voice never sounds', async () => {
    call.engines.tts.delayMs = 3_600_000;
    await call.says('¿Qué tengo en el carrito?');
    await call.passes(5_000);
    call.engines.tts.delayMs = 100;
    await call.passes(40_000);
    expect(call.session.agentState).toBe('listening');
    expect(await answers()).toBe(true);
  });

  it('does not leave a speech paused for ever', async () => {
    await call.says('Quiero cancelar mi pedido de la semana pasada y también el de ayer.');
    await call.passes(1_500);
    expect(call.session.agentState).toBe('speaking');
    // Nobody interrupted it: a pause that nothing will end.
    call.session.output.audio?.pause();
    call.session._updateAgentState('listening');
    await call.passes(30_000);
    expect(call.stuck).toContain('paused-speech');
    expect(await answers()).toBe(true);
  });

  it('is left alone when it is not stuck', async () => {
    await answers();
    await call.passes(120_000);
    expect(call.stuck).toEqual([]);
  });
});

describe('a caller who never stops', () => {
  it.each([
    ['with pauses too short for an answer', 400],
    ['without a pause, or two of them at one microphone', 0],
  ])('%s, is interrupted politely and answered, and may then ask again', async (_how, pauseMs) => {
    const began = call.now;
    for (let part = 0; part < 28; part += 1) {
      await call.says('y entonces le dije que.', 3_000);
      if (pauseMs > 0) await call.passes(pauseMs);
    }
    await call.passes(20_000);
    const [opening = ''] = call.prompts.phrases.turn_limit.split(' ');
    const interrupted = call.sounds.filter(({ from, text }) => from > began && text.startsWith(opening));
    const afterMs = (interrupted[0]?.from ?? 0) - began;
    expect(afterMs).toBeGreaterThan(60_000);
    expect(afterMs).toBeLessThan(80_000);
    expect(interrupted).toHaveLength(1);
    expect(call.asked.some((text) => text.includes('y entonces le dije que.'))).toBe(true);
    expect(await answers()).toBe(true);
  });
});
