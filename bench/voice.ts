import { Command, InvalidArgumentError } from 'commander';
import { MECHANISMS, type Mechanism } from '../src/config/mechanisms.ts';
import type { Turn } from './support/ask.ts';
import type { BenchResult } from './support/bench-result.ts';
import { callerVoice } from './support/caller-voice.ts';
import { compare } from './support/compare.ts';
import { CHARLA, STOCK_TAKES_ALL, without } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { memoryTable } from './support/memory-table.ts';
import { count, languageOption, parseOptions } from './support/options.ts';
import { percentile } from './support/percentiles.ts';
import { meterSpeculation } from './support/speculation.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';
import { stageTable } from './support/stage-table.ts';
import { type Measured, VoiceBench, type VoiceBenchOptions } from './support/voice-bench.ts';

interface VoiceOptions extends EngineOptions, VoiceBenchOptions {
  alternate: 'turns' | 'calls';
  /** `true`: all of them. */
  ablate?: true | Mechanism[];
}

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
    )
    .option(
      '--ablate [names]',
      'Charla once more for each mechanism (or these, with commas) with that one switched off; one worker at a time',
      mechanisms,
    );
  return engineOptions(languageOption(bench), 'local');
}

function alternation(text: string): VoiceOptions['alternate'] {
  if (text !== 'turns' && text !== 'calls') throw new InvalidArgumentError('It is turns or calls.');
  return text;
}

function mechanisms(text: string): Mechanism[] {
  return text.split(',').map((name) => {
    const mechanism = MECHANISMS.find((one) => one === name.trim());
    if (mechanism === undefined) throw new InvalidArgumentError(`There are: ${MECHANISMS.join(', ')}.`);
    return mechanism;
  });
}

/**
 * Voice-to-voice: end of the question's sound at the caller → first sound of the answer at the caller, for Charla and
 * the stock pipeline on the same engines, livekit-server and questions, in turn. Also join → first sound of the
 * greeting, where each turn's time went, what transcribing ahead costs, and memory. With `--ablate` what each mechanism
 * of Charla brings.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<VoiceOptions>(command(), args);
  const { language, ablate } = options;
  const { questions, fixed } = CONVERSATIONS[language];
  const contestants = ablate === undefined ? [CHARLA, STOCK_TAKES_ALL] : [];
  const keptVoice = options.engines === 'fixed' ? await callerVoice(questions, language) : undefined;
  const stack = await startBenchStack({ engines: options, words: fixed, contestants });
  try {
    const sounds = keptVoice ?? (await callerVoice(questions, language, stack.inferenceUrl));
    const bench = new VoiceBench(stack, options, sounds);
    if (ablate !== undefined) {
      return await ablation(stack, bench, options, ablate === true ? MECHANISMS : ablate);
    }
    await bench.warmUp(contestants);
    const speculation = await meterSpeculation(
      stack,
      contestants.map(({ name }) => name),
    );
    await bench.measure(contestants, options.alternate);
    const utterances = new Map([...bench.measured].map(([name, { turns }]) => [name, turns.length]));
    return report(bench, options, await speculation(utterances));
  } finally {
    await stack.close();
  }
}

type Table = Awaited<ReturnType<Awaited<ReturnType<typeof meterSpeculation>>>>;

function report(bench: VoiceBench, options: VoiceOptions, speculation: Table): BenchResult {
  const { engines, language, alternate, turns } = options;
  const failures = (name: string) => bench.failures(name);
  const voiceToVoice = compare('voice-to-voice, ms', bench.values(voiceToVoiceMs), failures);
  const greetings = compare(
    'join → greeting, ms',
    bench.values(({ greetingMs }) => greetingMs),
    (name) => ({ 'no answer': bench.measured.get(name)?.greetingsMissed ?? 0 }),
  );
  const stages = stageTable(new Map([...bench.measured].map(([name, of]) => [name, of.turns])));
  const memory = memoryTable(bench.memory);
  return {
    title: `Voice, ${engines} engines, ${language}, ${turns} questions each, alternating ${alternate}`,
    rows: [...voiceToVoice.rows, ...greetings.rows],
    more: [
      {
        title: 'Where a turn goes (stages of Charla overlap: it prepares the answer while it waits)',
        rows: stages.rows,
      },
      { title: 'What transcribing ahead costs, for each question', rows: speculation.rows },
      { title: 'Memory in a call, largest sample', rows: memory.rows },
    ].filter(({ rows }) => rows.length > 0),
    json: {
      options,
      voiceToVoiceMs: voiceToVoice.json,
      joinToGreetingMs: greetings.json,
      failures: Object.fromEntries([...bench.measured.keys()].map((name) => [name, failures(name)])),
      stagesMs: stages.json,
      speculation: speculation.json,
      memory: memory.json,
    },
  };
}

/** Each variant has the machine to itself. Charla is asked first and last, so that what the machine does in between shows. */
async function ablation(
  stack: BenchStack,
  bench: VoiceBench,
  options: VoiceOptions,
  switchedOff: readonly Mechanism[],
): Promise<BenchResult> {
  const variants = switchedOff.map(without);
  for (const contestant of [CHARLA, STOCK_TAKES_ALL, ...variants, CHARLA]) {
    process.stderr.write(`${contestant.name}\n`);
    await stack.startWorker(contestant);
    await bench.warmUp([contestant]);
    await bench.measure([contestant], 'calls');
    await stack.stopWorker(contestant.name);
  }
  const whole = bench.measured.get(CHARLA.name);
  const rows = [...bench.measured].map(([name, of]) => {
    const answers = voiceToVoiceMs(of);
    const brings = (pick: (measured: Measured) => number[], share: number) =>
      name === CHARLA.name ? '' : gap(percentile(pick(of), share), whole && percentile(pick(whole), share));
    return {
      pipeline: name,
      n: answers.length,
      'p50, ms': rounded(percentile(answers, 0.5)),
      'p95, ms': rounded(percentile(answers, 0.95)),
      'brings p50': brings(voiceToVoiceMs, 0.5),
      'brings p95': brings(voiceToVoiceMs, 0.95),
      'greeting p50, ms': rounded(percentile(of.greetingMs, 0.5)),
      'brings greeting': brings(({ greetingMs }) => greetingMs, 0.5),
      'CPU s a question': rounded(percentile(of.cpuS, 0.5), 2),
      ...bench.failures(name),
    };
  });
  const { engines, language, turns } = options;
  return {
    title: `Voice, ${engines} engines, ${language}, ${turns} questions each: what each mechanism brings (ms that are lost without it)`,
    rows,
    json: { options, ablation: rows },
  };
}

function voiceToVoiceMs({ turns }: { turns: readonly Turn[] }): number[] {
  return turns.flatMap((turn) => (turn.outcome === 'answered' ? [turn.voiceToVoiceMs] : []));
}

function gap(without: number | undefined, whole: number | undefined): number | string {
  return without === undefined || whole === undefined ? '–' : Math.round(without - whole);
}

function rounded(value: number | undefined, digits = 0): number | string {
  return value === undefined ? '–' : Number(value.toFixed(digits));
}
