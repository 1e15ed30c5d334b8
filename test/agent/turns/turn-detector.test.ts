import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pauses } from '../../../src/agent/turns/pauses.ts';
import { TurnDetector } from '../../../src/agent/turns/turn-detector.ts';

initializeLogger({ pretty: false, level: 'silent' });

/** The framework asks this long after the end of speech. */
const ASKED_MS = 250;

let detector: TurnDetector;
let stream: ReturnType<TurnDetector['stream']>;
let model: { afterMs: number; says: number };

beforeEach(() => {
  vi.useFakeTimers();
  model = { afterMs: 20, says: 0.3 };
  const executor = {
    doInference: async () => {
      await new Promise((resolve) => setTimeout(resolve, model.afterMs));
      return { probability: model.says, inferenceDurationMs: model.afterMs };
    },
  };
  detector = new TurnDetector({ language: 'es', pauses: new Pauses(), shape: true, executor });
  stream = detector.stream();
});
afterEach(async () => {
  await detector.aclose();
  vi.useRealTimers();
});

/**
 * Asks as the framework does when a pause has begun.
 *
 * @returns when the turn was over, in ms after the end of speech, or undefined where it was not within 10 s
 */
async function overAfter(meanwhile: () => void = () => undefined): Promise<number | undefined> {
  const began = performance.now();
  let over: number | undefined;
  const asked = stream.predict();
  void asked.await.then(() => {
    over = performance.now() - began + ASKED_MS;
  });
  meanwhile();
  await vi.advanceTimersByTimeAsync(10_000);
  return over;
}

const later = (ms: number, happens: () => void) => () => void setTimeout(happens, ms);

describe('the decision that a turn is over', () => {
  it.each([
    ['¿Qué tengo en el carrito?', 0.3, 300],
    ['¿Qué tengo en el carrito?', 0.05, 450],
    ['Quiero cancelar mi pedido.', 0.3, 700],
    ['Quiero cancelar mi pedido.', 0.7, 420],
    ['Quiero saber.', 0.7, 1_200],
    ['Mi teléfono es el 612.', 0.7, 1_500],
  ])('«%s», and the audio model says %s: %s ms', async (words, says, expected) => {
    model.says = says;
    detector.heard(words);
    expect(await overAfter()).toBe(expected);
  });

  it('counts all of the turn’s words, and begins anew with the next turn', async () => {
    detector.heard('Mi teléfono es el 612.');
    detector.heard('345');
    detector.heard('678.');
    expect(await overAfter()).toBe(700);
    stream.flush('turn committed');
    detector.heard('678.');
    expect(await overAfter()).toBe(1_500);
  });

  it('waits for the words of the pause', async () => {
    expect(await overAfter(later(900, () => detector.heard('¿Y la laptop?')))).toBeCloseTo(
      ASKED_MS + 900,
      -1,
    );
    expect(await overAfter(later(900, () => detector.heard('Quiero saber.')))).toBe(1_200);
  });

  it('does not wait for words that will not come', async () => {
    detector.heard('¿Qué tengo en el carrito?');
    await vi.advanceTimersByTimeAsync(1_000);
    const noise = overAfter(later(400, () => detector.transcribed()));
    expect(await noise).toBeCloseTo(ASKED_MS + 450, -1);
    expect(await overAfter()).toBe(2_500);
  });

  it('knows while words are awaited', async () => {
    expect(detector.awaitsWords).toBe(false);
    stream.predict();
    expect(detector.awaitsWords).toBe(true);
    detector.heard('¿Y la laptop?');
    expect(detector.awaitsWords).toBe(false);
  });

  it('does not depend on the audio model’s speed', async () => {
    model.afterMs = 9_000;
    detector.heard('¿Qué tengo en el carrito?');
    expect(await overAfter()).toBe(300);
  });

  it('is put off by a voice, for a moment', async () => {
    detector.heard('Quiero cancelar mi pedido.');
    const goesOn = overAfter(
      later(420, () => {
        detector.voice();
        later(70, () => stream.cancelInference())();
      }),
    );
    // Withdrawn by the speech that was heard: the turn goes on.
    expect(await goesOn).toBeCloseTo(ASKED_MS + 490, -1);

    detector.heard('Quiero cancelar mi pedido.');
    const noise = setInterval(() => detector.voice(), 32);
    expect(await overAfter()).toBeGreaterThanOrEqual(900);
    expect(await overAfter()).toBeLessThan(2_800);
    clearInterval(noise);
  });

  it('goes by the audio model alone where the words do not count', async () => {
    const plain = new TurnDetector({ language: 'es', pauses: new Pauses(), shape: false });
    stream = plain.stream();
    plain.heard('Quiero saber.');
    // Without a model to ask, the framework's own answer is that the turn is over.
    expect(await overAfter()).toBe(420);
    await plain.aclose();
  });
});
