import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isSaid, VoicemailWatch } from '../../../src/agent/phone/voicemail.ts';
import { loadPrompts } from '../../../src/agent/prompts.ts';

const on = voice.AgentSessionEventTypes;
const LANGUAGES = ['es', 'en'] as const;

let session: EventEmitter;
let found: number;

beforeEach(() => {
  vi.useFakeTimers();
  session = new EventEmitter();
  found = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

function answered(language: (typeof LANGUAGES)[number] = 'es'): void {
  new VoicemailWatch(loadPrompts(language).phone, () => {
    found += 1;
  }).begin(session as unknown as voice.AgentSession);
}
const hear = (transcript: string, isFinal = true) => {
  session.emit(on.UserInputTranscribed, { transcript, isFinal });
};
const speak = (newState: voice.UserState) => session.emit(on.UserStateChanged, { newState });

describe('an answering machine', () => {
  it.each([
    ['es', 'Hola, soy Marta. Ahora no puedo atenderte. Deja tu mensaje después de la señal.'],
    ['es', 'Ha llamado al 600 000 001. Por favor, deje un mensaje.'],
    ['es', 'Bienvenido al buzón de voz.'],
    ['es', '¡Hola! Al oír la señal, habla.'],
    ['en', "Hi, you've reached Tom. I can't come to the phone right now."],
    ['en', 'Please leave a message after the beep.'],
    ['en', 'Your call has been forwarded to voicemail. The person you are trying to reach is not available.'],
  ] as const)('is known by its words, in %s: %s', (language, words) => {
    answered(language);
    hear(words);
    expect(found).toBe(1);
  });

  it.each([
    ['es', '¿Diga?'],
    ['es', 'Clínica Sonrisas, le atiende Marta, ¿en qué puedo ayudarle?'],
    ['es', 'Ahora mismo no puedo hablar, ¿me llamas luego?'],
    ['es', 'Pulse uno para hablar con ventas.'],
    ['en', 'Hello?'],
    ['en', 'Acme, this is Tom speaking, how can I help you?'],
  ] as const)('is not whoever says, in %s: %s', (language, words) => {
    answered(language);
    speak('speaking');
    hear(words);
    speak('listening');
    vi.advanceTimersByTime(100_000);
    expect(found).toBe(0);
  });

  it('is found once, in the guesses too, and in words that came piece by piece', () => {
    answered();
    hear('Hola, soy Marta.');
    hear('Deja tu', false);
    hear('Deja tu mensaje', false);
    hear('Deja tu mensaje.');
    expect(found).toBe(1);
  });

  it('is whoever speaks on and on without waiting for an answer, but for a menu', () => {
    answered();
    speak('speaking');
    vi.advanceTimersByTime(7_900);
    expect(found).toBe(0);
    vi.advanceTimersByTime(100);
    expect(found).toBe(1);

    answered();
    speak('speaking');
    hear('Gracias por llamar a Acme. Para ventas, pulse uno.', false);
    vi.advanceTimersByTime(20_000);
    expect(found).toBe(1);
  });

  it('is looked for when the call begins, and leaves nothing behind', () => {
    answered();
    speak('speaking');
    speak('listening');
    // Later speech may be long: somebody tells what they want.
    speak('speaking');
    vi.advanceTimersByTime(50_000);
    hear('¿Y si deje un mensaje en el contestador automático?');
    expect(found).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    answered();
    session.emit(on.Close, {});
    expect(vi.getTimerCount()).toBe(0);
    expect(session.listenerCount(on.UserInputTranscribed)).toBe(0);
  });
});

describe('what is said', () => {
  it('is found as whole words, whatever the accents and signs', () => {
    expect(isSaid('¡Después de la SEÑAL!', ['despues de la senal'])).toBe(true);
    expect(isSaid('expressed', ['press'])).toBe(false);
  });

  it.each(LANGUAGES)('is compared to phrases that are written as they are compared, in %s', (language) => {
    const { voicemail, menu } = loadPrompts(language).phone;
    for (const phrase of [...voicemail, ...menu]) expect(phrase).toMatch(/^[a-z]+( [a-z]+)*$/);
  });
});
