import { Command, InvalidArgumentError } from 'commander';
import { NOTICE_TOPIC, TURN_TOPIC } from '../src/agent/turn-reports.ts';
import type { Language } from '../src/config/config.ts';
import type { Caller } from '../test/support/caller.ts';
import type { BenchResult, Rows } from './support/bench-result.ts';
import { type BenchCall, startCall } from './support/call.ts';
import { callerVoice } from './support/caller-voice.ts';
import { type ByPipeline, compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK_TAKES_ALL } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { type MemoryLine, memoryTable, sampleMemory } from './support/memory-table.ts';
import { count, languageOption, parseOptions } from './support/options.ts';
import { percentile } from './support/percentiles.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';

const ANSWER_TIMEOUT_MS = 30_000;
/** The report of a turn travels beside its sound. */
const REPORT_TIMEOUT_MS = 2_000;

interface VoiceOptions extends EngineOptions {
  turns: number;
  turnsPerCall: number;
  alternate: 'turns' | 'calls';
  language: Language;
}

/** What became of one question. */
type Turn =
  | { outcome: 'answered'; voiceToVoiceMs: number; stages: Record<string, number> }
  /** The agent began to answer before the question was over. */
  | { outcome: 'cut off' }
  | { outcome: 'no answer' }
  /** A sentence came in the answer's place, because an engine failed. */
  | { outcome: 'apology' };

interface Measured {
  turns: Turn[];
  greetingMs: number[];
  greetingsMissed: number;
}

const STAGES: Readonly<Record<string, string>> = {
  sttMs: 'end of speech → its text',
  endOfTurnMs: 'end of speech → turn over',
  llmFirstTokenMs: 'model: first token',
  ttsFirstAudioMs: 'voice: first sound',
  voiceToVoiceMs: "the agent's own count",
  outsideMs: 'playout, network, both ends',
};

export function command(): Command {
  const bench = new Command('voice')
    .description('Questions through a real room, one to each pipeline in turn.')
    .option('--turns <n>', 'questions for each pipeline', count, 10)
    .option('--turns-per-call <n>', 'then everybody hangs up and calls again', count, 5)
    .option(
      '--alternate <unit>',
      'turns: all pipelines have a call open and are asked in turn; calls: one call at a time',
      alternation,
      'turns',
    );
  return engineOptions(languageOption(bench), 'local');
}

function alternation(text: string): VoiceOptions['alternate'] {
  if (text !== 'turns' && text !== 'calls') throw new InvalidArgumentError('It is turns or calls.');
  return text;
}

/**
 * Voice-to-voice: end of the question's sound at the caller → first sound of the answer at the caller, for Charla and
 * the stock pipeline on the same engines, livekit-server and questions, in turn. Also join → first sound of the
 * greeting, where each turn's time went, and memory.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<VoiceOptions>(command(), args);
  const { language } = options;
  const { questions, fixed } = CONVERSATIONS[language];
  const contestants = [CHARLA, STOCK_TAKES_ALL];
  const keptVoice = options.engines === 'fixed' ? await callerVoice(questions, language) : undefined;
  const stack = await startBenchStack({ engines: options, words: fixed, contestants });
  try {
    const sounds = keptVoice ?? (await callerVoice(questions, language, stack.inferenceUrl));
    const bench = new VoiceBench(stack, contestants, options, sounds);
    await bench.warmUp();
    await bench.measure();
    return bench.result();
  } finally {
    await stack.close();
  }
}

/** One run: who is measured, and what came of it. */
class VoiceBench {
  readonly #stack: BenchStack;
  readonly #contestants: readonly Contestant[];
  readonly #options: VoiceOptions;
  readonly #sounds: readonly Int16Array[];
  readonly #measured: ReadonlyMap<string, Measured>;
  readonly #memory: MemoryLine[][] = [];

  constructor(
    stack: BenchStack,
    contestants: readonly Contestant[],
    options: VoiceOptions,
    sounds: readonly Int16Array[],
  ) {
    this.#stack = stack;
    this.#contestants = contestants;
    this.#options = options;
    this.#sounds = sounds;
    this.#measured = new Map(
      contestants.map(({ name }) => [name, { turns: [], greetingMs: [], greetingsMissed: 0 }]),
    );
  }

  /** A call with one question for each, not counted: models, caches and compiled code are then as they stay. */
  async warmUp(): Promise<void> {
    for (const contestant of this.#contestants) {
      const call = await this.#call(contestant);
      await greeting(call);
      await ask(call.caller, this.#sound(0));
      await call.hangUp();
    }
  }

  async measure(): Promise<void> {
    const { turns, turnsPerCall, alternate } = this.#options;
    for (let asked = 0, round = 0; asked < turns; asked += turnsPerCall, round += 1) {
      const questions = Array.from({ length: Math.min(turnsPerCall, turns - asked) }, (_, at) =>
        this.#sound(asked + at),
      );
      // Whoever comes second finds the machine as the first one left it: they take turns at that too.
      const order = round % 2 === 0 ? this.#contestants : this.#contestants.toReversed();
      if (alternate === 'turns') await this.#round(order, questions);
      else for (const contestant of order) await this.#round([contestant], questions);
    }
  }

  result(): BenchResult {
    const { engines, language, alternate, turns } = this.#options;
    const values = (pick: (measured: Measured) => number[]): ByPipeline =>
      new Map([...this.#measured].map(([name, measured]) => [name, pick(measured)]));
    const failures = (name: string) => {
      const of = this.#measured.get(name)?.turns ?? [];
      return {
        'no answer': of.filter(({ outcome }) => outcome === 'no answer').length,
        apology: of.filter(({ outcome }) => outcome === 'apology').length,
        'cut off': of.filter(({ outcome }) => outcome === 'cut off').length,
      };
    };
    const answered = values(({ turns }) =>
      turns.flatMap((turn) => (turn.outcome === 'answered' ? [turn.voiceToVoiceMs] : [])),
    );
    const voiceToVoice = compare('voice-to-voice, ms', answered, failures);
    const greetings = compare(
      'join → greeting, ms',
      values(({ greetingMs }) => greetingMs),
      (name) => ({ 'no answer': this.#measured.get(name)?.greetingsMissed ?? 0 }),
    );
    const stages = stageTable(this.#measured);
    const memory = memoryTable(this.#memory);
    return {
      title: `Voice, ${engines} engines, ${language}, ${turns} questions each, alternating ${alternate}`,
      rows: [...voiceToVoice.rows, ...greetings.rows],
      more: [
        {
          title: 'Where a turn goes (stages of Charla overlap: it prepares the answer while it waits)',
          rows: stages.rows,
        },
        { title: 'Memory in a call, largest sample', rows: memory.rows },
      ],
      json: {
        options: this.#options,
        voiceToVoiceMs: voiceToVoice.json,
        joinToGreetingMs: greetings.json,
        failures: Object.fromEntries([...this.#measured.keys()].map((name) => [name, failures(name)])),
        stagesMs: stages.json,
        memory: memory.json,
      },
    };
  }

  /** One call with each of these contestants, all open at once, and each question to all of them in turn. */
  async #round(order: readonly Contestant[], questions: readonly Int16Array[]): Promise<void> {
    const calls: Array<{ call: BenchCall; measured: Measured }> = [];
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
      const names = order.map(({ name }) => name);
      this.#memory.push(await sampleMemory(this.#stack, names, 1));
    } finally {
      for (const { call } of calls) await call.hangUp();
    }
  }

  #call({ agentName }: Contestant): Promise<BenchCall> {
    const { language } = this.#options;
    return startCall(this.#stack, { agentName, language, dataTools: CONVERSATIONS[language].dataTools });
  }

  #of({ name }: Contestant): Measured {
    const measured = this.#measured.get(name);
    if (measured === undefined) throw new Error(`${name} is not in this run`);
    return measured;
  }

  #sound(at: number): Int16Array {
    return this.#sounds[at % this.#sounds.length] ?? new Int16Array();
  }
}

/** @returns ms from the beginning of the join to the greeting's first sound; undefined when none came */
async function greeting({ caller, joinedAt }: BenchCall): Promise<number | undefined> {
  const at = await caller
    .until(() => caller.firstSoundAfter(joinedAt), ANSWER_TIMEOUT_MS, 'the greeting')
    .catch(() => undefined);
  await caller.quiet(ANSWER_TIMEOUT_MS).catch(() => undefined);
  return at === undefined ? undefined : at - joinedAt;
}

async function ask(caller: Caller, question: Int16Array): Promise<Turn> {
  const reportsBefore = messages(caller, TURN_TOPIC).length;
  const noticesBefore = messages(caller, NOTICE_TOPIC).length;
  const beganAt = performance.now();
  const endedAt = await caller.say(question);
  const firstSound = await caller
    .until(() => caller.firstSoundAfter(endedAt), ANSWER_TIMEOUT_MS, 'the answer')
    .catch(() => undefined);
  await caller.quiet(ANSWER_TIMEOUT_MS).catch(() => undefined);
  if ((caller.firstSoundAfter(beganAt) ?? Number.POSITIVE_INFINITY) < endedAt) return { outcome: 'cut off' };
  if (firstSound === undefined) return { outcome: 'no answer' };
  if (messages(caller, NOTICE_TOPIC).length > noticesBefore) return { outcome: 'apology' };
  const report = await caller
    .until(() => messages(caller, TURN_TOPIC)[reportsBefore], REPORT_TIMEOUT_MS, 'the report of the turn')
    .catch(() => ({}));
  return { outcome: 'answered', voiceToVoiceMs: firstSound - endedAt, stages: stagesOf(report) };
}

function messages(caller: Caller, of: string): Array<Record<string, unknown>> {
  return caller.messages.flatMap(({ topic, value }) => (topic === of ? [value] : []));
}

function stagesOf(report: Record<string, unknown>): Record<string, number> {
  const numbers = Object.entries(report).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return Object.fromEntries(numbers.filter(([name]) => name in STAGES));
}

/** p50 and p95 of each stage, and its p50 as a share of the p50 of voice-to-voice. */
function stageTable(measured: ReadonlyMap<string, Measured>): { rows: Rows; json: object } {
  const turns = new Map(
    [...measured].map(([name, { turns }]) => [name, turns.filter((turn) => turn.outcome === 'answered')]),
  );
  const rows: Array<Record<string, string | number>> = [];
  const json: Record<string, object> = {};
  for (const [stage, figure] of Object.entries(STAGES)) {
    const values = new Map(
      [...turns].map(([name, of]) => [
        name,
        of.flatMap((turn) => {
          const { voiceToVoiceMs: own } = turn.stages;
          if (stage === 'outsideMs') return own === undefined ? [] : [turn.voiceToVoiceMs - own];
          const value = turn.stages[stage];
          return value === undefined ? [] : [value];
        }),
      ]),
    );
    const compared = compare(figure, values, (name) => {
      const of = percentile(values.get(name) ?? [], 0.5);
      const whole = percentile(
        (turns.get(name) ?? []).map((turn) => turn.voiceToVoiceMs),
        0.5,
      );
      return {
        'share of the turn':
          of === undefined || whole === undefined ? '–' : `${Math.round((of / whole) * 100)} %`,
      };
    });
    rows.push(...compared.rows);
    json[stage] = compared.json;
  }
  return { rows, json };
}
