import { voice } from '@livekit/agents';
import type { PhoneWords } from '../prompts.ts';

/** Whoever picks up says what they are within this time, ms. */
const WINDOW_MS = 45_000;
/**
 * Nobody who answers a telephone says so much before they wait for an answer, ms. (The framework's `AMD` takes 2.5 s for the
 * limit and lets a model decide beyond that.)
 */
const LONGEST_HELLO_MS = 8_000;

/**
 * Whether an answering machine has taken a call that we placed: by what is said there («deje su mensaje después de la
 * señal»), or by a first utterance that nobody would say who waits for an answer. The framework's `AMD` has a large model
 * classify each transcript, and no answer is given until it has; this costs nothing and works with the smallest model.
 */
export class VoicemailWatch {
  readonly #words: Pick<PhoneWords, 'voicemail' | 'menu'>;
  readonly #onMachine: () => void;

  constructor(words: Pick<PhoneWords, 'voicemail' | 'menu'>, onMachine: () => void) {
    this.#words = words;
    this.#onMachine = onMachine;
  }

  /** Somebody, or something, has answered. */
  begin(session: voice.AgentSession): void {
    const { AgentSessionEventTypes: on } = voice;
    let heard = '';
    let now = '';
    let hello: NodeJS.Timeout | undefined;
    let isFirst = true;
    const stop = () => {
      clearTimeout(hello);
      clearTimeout(window);
      session.off(on.UserInputTranscribed, onWords);
      session.off(on.UserStateChanged, onState);
      session.off(on.Close, stop);
    };
    const found = () => {
      stop();
      this.#onMachine();
    };
    const onWords = ({ transcript, isFinal }: voice.UserInputTranscribedEvent) => {
      now = `${heard} ${transcript}`;
      if (isFinal) heard = now;
      if (isSaid(now, this.#words.voicemail)) found();
    };
    const onState = ({ newState }: voice.UserStateChangedEvent) => {
      clearTimeout(hello);
      if (newState !== 'speaking' || !isFirst) return;
      isFirst = false;
      hello = setTimeout(() => {
        if (!isSaid(now, this.#words.menu)) found();
      }, LONGEST_HELLO_MS);
    };
    const window = setTimeout(stop, WINDOW_MS);
    session.on(on.UserInputTranscribed, onWords);
    session.on(on.UserStateChanged, onState);
    session.on(on.Close, stop);
  }
}

/** Whether one of the phrases stands in a text, as whole words. */
export function isSaid(text: string, phrases: readonly string[]): boolean {
  const words = text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\p{M}'’]/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return phrases.some((phrase) => ` ${words} `.includes(` ${phrase} `));
}
