import type { Language } from '../../src/config/config.ts';
import { CALLER_SAMPLE_RATE } from '../../test/support/caller.ts';
import { ask, greeting, type Turn } from './ask.ts';
import { type BenchCall, startCall } from './call.ts';
import type { ByPipeline } from './compare.ts';
import type { Contestant } from './contestants.ts';
import { CONVERSATIONS } from './conversation.ts';
import { clip } from './heard-words.ts';
import { type MemoryLine, sampleMemory } from './memory-table.ts';
import { cpuSeconds } from './process-cpu.ts';
import type { BenchStack } from './stack.ts';

export interface VoiceBenchOptions {
  turns: number;
  turnsPerCall: number;
  language: Language;
}

/** What one pipeline did. */
export interface Measured {
  turns: Turn[];
  greetingMs: number[];
  greetingsMissed: number;
  /** Processor time of worker and engines for each question, greetings included, s; of calls that were alone. */
  cpuS: number[];
}

/** Asks pipelines the questions of `conversation.ts`, and keeps what came of it. */
export class VoiceBench {
  readonly #stack: BenchStack;
  readonly #options: VoiceBenchOptions;
  readonly #sounds: readonly Int16Array[];
  readonly #measured = new Map<string, Measured>();
  readonly #memory: MemoryLine[][] = [];

  /** @param sounds - the questions, as `callerVoice` makes them */
  constructor(stack: BenchStack, options: VoiceBenchOptions, sounds: readonly Int16Array[]) {
    this.#stack = stack;
    this.#options = options;
    this.#sounds = sounds;
  }

  get measured(): ReadonlyMap<string, Measured> {
    return this.#measured;
  }

  get memory(): ReadonlyArray<readonly MemoryLine[]> {
    return this.#memory;
  }

  /** One figure of every pipeline. */
  values(pick: (measured: Measured) => number[]): ByPipeline {
    return new Map([...this.#measured].map(([name, measured]) => [name, pick(measured)]));
  }

  /** How often each thing went wrong. */
  failures(name: string): Record<string, number> {
    const of = this.#measured.get(name)?.turns ?? [];
    const times = (wanted: Turn['outcome']) => of.filter(({ outcome }) => outcome === wanted).length;
    return { 'no answer': times('no answer'), apology: times('apology'), 'cut off': times('cut off') };
  }

  /** A call with one question for each, not counted: models, caches and compiled code are then as they stay. */
  async warmUp(contestants: readonly Contestant[]): Promise<void> {
    const { questions } = CONVERSATIONS[this.#options.language];
    await this.#stack.fixedEngines?.hears(
      questions.map((text, at) => clip(text, this.#sound(at), CALLER_SAMPLE_RATE)),
    );
    for (const contestant of contestants) {
      const call = await this.#call(contestant);
      await greeting(call);
      await ask(call.caller, this.#sound(0));
      await call.hangUp();
    }
  }

  /**
   * @param alternate - `turns`: all have a call open and are asked in turn; `calls`: one call at a time
   */
  async measure(contestants: readonly Contestant[], alternate: 'turns' | 'calls'): Promise<void> {
    const { turns, turnsPerCall } = this.#options;
    for (let asked = 0, round = 0; asked < turns; asked += turnsPerCall, round += 1) {
      const questions = Array.from({ length: Math.min(turnsPerCall, turns - asked) }, (_, at) =>
        this.#sound(asked + at),
      );
      // Whoever comes second finds the machine as the first one left it: they take turns at that too.
      const order = round % 2 === 0 ? contestants : contestants.toReversed();
      if (alternate === 'turns') await this.#round(order, questions);
      else for (const contestant of order) await this.#round([contestant], questions);
    }
  }

  /** One call with each of these contestants, all open at once, and each question to all of them in turn. */
  async #round(order: readonly Contestant[], questions: readonly Int16Array[]): Promise<void> {
    const names = order.map(({ name }) => name);
    const calls: Array<{ call: BenchCall; measured: Measured }> = [];
    const cpuBefore = await this.#cpuSeconds(names);
    try {
      for (const contestant of order) {
        const measured = this.#of(contestant);
        const call = await this.#call(contestant);
        calls.push({ call, measured });
        const greetedAfterMs = await greeting(call);
        if (greetedAfterMs === undefined) measured.greetingsMissed += 1;
        else measured.greetingMs.push(greetedAfterMs);
      }
      for (const question of questions) {
        for (const { call, measured } of calls) measured.turns.push(await ask(call.caller, question));
      }
      const cpuAfter = await this.#cpuSeconds(names);
      const [only] = calls;
      if (calls.length === 1 && cpuBefore !== undefined && cpuAfter !== undefined) {
        only?.measured.cpuS.push((cpuAfter - cpuBefore) / questions.length);
      }
      this.#memory.push(await sampleMemory(this.#stack, names, 1));
    } finally {
      for (const { call } of calls) await call.hangUp();
    }
  }

  async #cpuSeconds(names: readonly string[]): Promise<number | undefined> {
    const pids = [...names, 'inference'].flatMap((name) => this.#stack.pid(name) ?? []);
    const each = await Promise.all(pids.map(cpuSeconds));
    return each.reduce<number | undefined>(
      (sum, one) => (sum === undefined || one === undefined ? undefined : sum + one),
      0,
    );
  }

  #call({ agentName }: Contestant): Promise<BenchCall> {
    const { language } = this.#options;
    return startCall(this.#stack, { agentName, language, dataTools: CONVERSATIONS[language].dataTools });
  }

  #of({ name }: Contestant): Measured {
    const measured = this.#measured.get(name) ?? {
      turns: [],
      greetingMs: [],
      greetingsMissed: 0,
      cpuS: [],
    };
    this.#measured.set(name, measured);
    return measured;
  }

  #sound(at: number): Int16Array {
    return this.#sounds[at % this.#sounds.length] ?? new Int16Array();
  }
}
