import type { Prompts } from '../../src/agent/prompts.ts';
import type { Language } from '../../src/config/config.ts';

/** What the agent says at one moment of a conversation. */
export interface Saying {
  kind: 'greeting' | 'filler' | 'fallback' | 'answer';
  text: string;
}

/** One in this many turns has a filler before its answer, and one in that many a sentence in its place. */
const FILLER_EVERY = 12;
const FALLBACK_EVERY = 25;
const NAMED_SHARE = 0.7;

const NAMES = {
  es: [
    'Ana',
    'Carlos',
    'Lucía',
    'Juan',
    'María',
    'Diego',
    'Sofía',
    'Pedro',
    'Elena',
    'Luis',
    'Marta',
    'Jorge',
  ],
  en: [
    'Anna',
    'Charles',
    'Lucy',
    'John',
    'Mary',
    'James',
    'Sophie',
    'Peter',
    'Ellen',
    'Lewis',
    'Martha',
    'George',
  ],
} as const;

/** The five examples of the end-to-end tests, as templates: what differs between callers differs here. */
const ANSWERS: Readonly<Record<Language, ReadonlyArray<(of: Caller) => string>>> = {
  es: [
    ({ name }) =>
      `Claro. Te llamas ${name}, trabajas como desarrolladora y te interesan Python y la automatización.`,
    () => 'Claro. La aplicación tiene dos funciones: voz y herramientas.',
    ({ ticket }) =>
      `Tienes dos tickets pendientes: el ${ticket} y el ${ticket + 37}. ¿Quieres que te cuente más?`,
    ({ total }) => `En el carrito tienes una laptop y un mouse. El total es de ${total} euros.`,
    () => 'Te falta completar la configuración y el tutorial. ¿Quieres que sigamos con la configuración?',
  ],
  en: [
    ({ name }) => `Sure. Your name is ${name}, you work as a developer, and you like Python and automation.`,
    () => 'Sure. The app has two features: voice and tools.',
    ({ ticket }) => `You have two open tickets: ${ticket} and ${ticket + 37}. Shall I tell you more?`,
    ({ total }) => `There is a laptop and a mouse in your cart. The total is ${total} euros.`,
    () => 'The configuration and the tutorial are left. Shall we go on with the configuration?',
  ],
};

interface Caller {
  name: string;
  ticket: number;
  total: number;
}

/**
 * A day at a support desk, the same in every run: each conversation greets, most by name (few names are frequent, many
 * are not), and answers two to seven questions with what is in the caller's data; now and then a filler, or a sentence
 * of `phrases.yaml` because an engine failed.
 */
export function conversationDay(
  conversations: number,
  language: Language,
  { phrases, greeting }: Prompts,
): Saying[][] {
  const next = random();
  const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(next() * of.length)];
  const own = Object.entries(phrases).filter(([, text]) => !text.includes('{{'));
  const fillers = own.filter(([name]) => name.startsWith('filler')).map(([, text]) => text);
  const fallbacks = own
    .filter(([name]) => !name.startsWith('filler') && !name.startsWith('greeting'))
    .map(([, text]) => text);
  return Array.from({ length: conversations }, () => {
    // Squared: the first names of the list are much more frequent than the last.
    const name = NAMES[language][Math.floor(next() ** 2 * NAMES[language].length)] ?? '';
    const caller = {
      name,
      ticket: 1000 + Math.floor(next() * 9000),
      total: 100 + Math.floor(next() * 40) * 50,
    };
    const sayings: Saying[] = [{ kind: 'greeting', text: greeting(next() < NAMED_SHARE ? name : undefined) }];
    const turns = 2 + Math.floor(next() * 6);
    for (let turn = 0; turn < turns; turn += 1) {
      const filler = next() < 1 / FILLER_EVERY ? pick(fillers) : undefined;
      if (filler !== undefined) sayings.push({ kind: 'filler', text: filler });
      const fallback = next() < 1 / FALLBACK_EVERY ? pick(fallbacks) : undefined;
      if (fallback !== undefined) sayings.push({ kind: 'fallback', text: fallback });
      else sayings.push({ kind: 'answer', text: pick(ANSWERS[language])?.(caller) ?? '' });
    }
    return sayings;
  });
}

/** Numbers from 0 to 1, always the same (Park and Miller's generator). */
function random(): () => number {
  let state = 20_261_121;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
