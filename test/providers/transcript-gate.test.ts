import { describe, expect, it } from 'vitest';
import { loudestLevelDb, wasSaid, withoutLoops } from '../../src/providers/stt/transcript-gate.ts';

const sure = { noSpeechProb: 0.02, avgLogprob: -0.25, levelDb: -20 };

it('a server that gives no log probability is believed when it says that nobody spoke', () => {
  const doubtful = { noSpeechProb: 0.9, avgLogprob: undefined, levelDb: -20, text: 'Quiero mi pedido.' };
  expect(wasSaid(doubtful, 'es')).toBe(false);
  expect(wasSaid({ ...doubtful, noSpeechProb: 0.1 }, 'es')).toBe(true);
});

describe('what counts as said', () => {
  it.each([
    ['es', 'Gracias.'],
    ['es', '¡Muchas gracias!'],
    ['es', '¿Cuántos tickets tengo?'],
    ['es', 'Quiero suscribirme al plan básico.'],
    ['es', 'Gracias por ver lo de mi factura.'],
    ['es', '[Música] Hola, ¿me oyes? [Música]'],
    ['es', '2'],
    ['en', 'Thank you.'],
    ['en', 'I want to subscribe to the premium plan.'],
    ['en', 'Please unsubscribe me.'],
  ] as const)('%s «%s», heard well', (language, text) => {
    expect(wasSaid({ ...sure, text }, language)).toBe(true);
  });

  it.each([
    ['es', ''],
    ['es', ' ... '],
    ['es', '¿?'],
    ['es', '[Música]'],
    ['es', '(risas)'],
    ['es', '*suspira*'],
    ['es', '♪♪'],
    ['es', 'Subtítulos realizados por la comunidad de Amara.org'],
    ['es', '¡Suscríbete al canal!'],
    ['es', 'Gracias por ver el video.'],
    ['en', 'Thanks for watching!'],
    ['en', 'Subtitles by the Amara.org community'],
    ['en', 'Like and subscribe'],
  ] as const)('never %s «%s»', (language, text) => {
    expect(wasSaid({ ...sure, text }, language)).toBe(false);
  });

  it.each([
    ['es', 'Gracias.'],
    ['es', '¡Gracias!'],
    ['es', '¡Muchas gracias!'],
    ['es', '¡Hasta luego!'],
    ['es', '¡Suscríbete!'],
    ['en', 'Thank you.'],
    ['en', 'Thank you very much.'],
    ['en', 'Bye-bye.'],
  ] as const)(
    '%s «%s» only without doubt: no speech likely, words unlikely, or hardly a sound',
    (language, text) => {
      expect(wasSaid({ ...sure, text }, language)).toBe(true);
      expect(wasSaid({ ...sure, noSpeechProb: 0.3, text }, language)).toBe(false);
      expect(wasSaid({ ...sure, avgLogprob: -0.8, text }, language)).toBe(false);
      expect(wasSaid({ ...sure, levelDb: -45, text }, language)).toBe(false);
    },
  );

  it('takes a sentence with that much doubt', () => {
    const doubtful = { noSpeechProb: 0.5, avgLogprob: -0.8, levelDb: -45 };
    expect(wasSaid({ ...doubtful, text: '¿Cuántos tickets tengo?' }, 'es')).toBe(true);
  });

  it("takes nothing from silence, nor what Whisper's own rule calls silence", () => {
    const text = '¿Cuántos tickets tengo?';
    expect(wasSaid({ ...sure, levelDb: -60, text }, 'es')).toBe(false);
    expect(wasSaid({ ...sure, levelDb: Number.NEGATIVE_INFINITY, text }, 'es')).toBe(false);
    expect(wasSaid({ ...sure, noSpeechProb: 0.7, avgLogprob: -1.2, text }, 'es')).toBe(false);
    expect(wasSaid({ ...sure, noSpeechProb: 0.7, text }, 'es')).toBe(true);
  });
});

describe('level of the loudest 100 ms', () => {
  const RATE = 16_000;
  const sine = (amplitude: number, seconds: number) =>
    Int16Array.from(
      { length: RATE * seconds },
      (_, at) => amplitude * Math.sin((at * 2 * Math.PI * 200) / RATE),
    );

  it('is -3 dB for a full sine, 20 dB less for a tenth of it', () => {
    expect(loudestLevelDb(sine(32_767, 1), RATE)).toBeCloseTo(-3.01, 1);
    expect(loudestLevelDb(sine(3_276.7, 1), RATE)).toBeCloseTo(-23.01, 1);
  });

  it('is that of a short sound in long silence', () => {
    const pcm = new Int16Array(RATE * 5);
    pcm.set(sine(32_767, 1).subarray(0, RATE / 10), RATE * 2);
    expect(loudestLevelDb(pcm, RATE)).toBeCloseTo(-3.01, 1);
  });

  it('is minus infinity for digital silence and for nothing', () => {
    expect(loudestLevelDb(new Int16Array(RATE), RATE)).toBe(Number.NEGATIVE_INFINITY);
    expect(loudestLevelDb(new Int16Array(0), RATE)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('what Whisper repeats', () => {
  it('is said once', () => {
    const loop = 'Falta completar. Falta completar. Falta completar. Falta completar.';
    expect(withoutLoops(loop)).toBe('Falta completar.');
    expect(withoutLoops(`Hola. ${loop}`)).toBe('Hola. Falta completar.');
  });

  it('is left alone where a person might have said it', () => {
    for (const text of [
      'No, no, no.',
      'Espera, espera un momento.',
      'Mi número es cuatro cuatro cuatro dos.',
      'Cero cero cero cero cero cero',
      '55 55 55 55 55 55 55 55 55',
      'Faltan las tareas. Falta completar.',
    ]) {
      expect(withoutLoops(text)).toBe(text);
    }
  });
});
