import { initializeLogger } from '@livekit/agents';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useSteadyClock } from '../../../src/agent/turns/steady-clock.ts';
import { FakeCall } from './fake-call.ts';

initializeLogger({ pretty: false, level: process.env.FAKE_LOG ?? 'silent' });

const RUNS = Number(process.env.FAKE_RUNS ?? 30);
/** Longer than any engine is waited for: its own time limit, an apology, and the watchdog. */
const QUIET_MS = 60_000;
/** The voice stops this soon after the caller's first sound; two windows of the VAD, and its least speech. */
const STOPS_WITHIN_MS = 250;

const WORDS = [
  '¿Qué tengo en el carrito?',
  'Quiero saber.',
  'Quiero cancelar mi pedido.',
  'Mi teléfono es el 612.',
  'No, espera, espera.',
  'y entonces.',
  'Sí.',
  'ajá',
  'mm',
  '',
] as const;

const SYLLABLES = ['no', 'que', 'va', 'por', 'fin', 'lo', 'se', 'ya', 'tú', 'mi'];

type Step =
  | { do: 'say'; words: string; ms: number }
  | { do: 'wait'; ms: number }
  | { do: 'burst'; syllables: number }
  | { do: 'engine'; engine: 'stt' | 'llm' | 'tts'; delayMs: number; fails: boolean }
  | { do: 'clock'; jumpMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      words: fc.constantFrom(...WORDS),
      ms: fc.integer({ min: 100, max: 3_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 20, max: 4_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('burst' as const), syllables: fc.integer({ min: 2, max: 10 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('engine' as const),
      engine: fc.constantFrom('stt', 'llm', 'tts'),
      delayMs: fc.constantFrom(20, 100, 700, 2_500, 9_000),
      fails: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      jumpMs: fc.integer({ min: -4_000_000, max: 4_000_000 }),
    }),
  },
);

let giveBack: () => void;
beforeEach(() => {
  vi.useFakeTimers();
  giveBack = useSteadyClock();
});
afterEach(() => {
  giveBack();
  vi.useRealTimers();
});

async function take(call: FakeCall, one: Step): Promise<void> {
  switch (one.do) {
    case 'say':
      await call.says(one.words, one.ms);
      break;
    case 'wait':
      await call.passes(one.ms);
      break;
    case 'burst':
      for (let syllable = 0; syllable < one.syllables; syllable += 1) {
        await call.says(SYLLABLES[syllable] ?? '', 90);
        await call.passes(110);
      }
      break;
    case 'engine':
      Object.assign(call.engines[one.engine], { delayMs: one.delayMs, fails: one.fails });
      break;
    case 'clock':
      vi.setSystemTime((vi.getMockedSystemTime()?.getTime() ?? 0) + one.jumpMs);
  }
}

describe('a call of any kind', () => {
  it('comes back to listening and answers the next question', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const call = await new FakeCall().start();
        try {
          for (const one of steps) await take(call, one);
          expect(call.longestOver(), 'the agent talks over the caller').toBeLessThan(STOPS_WITHIN_MS);
          for (const engine of Object.values(call.engines))
            Object.assign(engine, { delayMs: 100, fails: false });
          await call.passes(QUIET_MS);
          expect(call.session.agentState).toBe('listening');
          const before = call.now;
          await call.says('¿Sigues ahí todavía?');
          await call.passes(30_000);
          expect(call.textAfter(before)).toContain('¿Sigues ahí todavía?');
        } finally {
          await call.hangUp();
        }
      }),
      { numRuns: RUNS },
    );
  });
});
