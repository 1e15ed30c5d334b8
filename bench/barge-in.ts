import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Language } from '../src/config/config.ts';
import { CALLER_SAMPLE_RATE, type Caller } from '../test/support/caller.ts';
import type { BenchResult } from './support/bench-result.ts';
import { type BenchCall, startCall } from './support/call.ts';
import { callerVoice } from './support/caller-voice.ts';
import { compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK_TAKES_ALL } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { lastSoundBeforeSilence } from './support/last-sound.ts';
import { count, languageOption, parseOptions } from './support/options.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';

const ANSWER_TIMEOUT_MS = 30_000;
/** An agent that talks on for this long was not interrupted. */
const STOP_TIMEOUT_MS = 10_000;
/** How far into the answer the caller speaks: at a different place each time, and with more of it to come. */
const INTO_ANSWER_MS = [800, 1_300, 1_000, 1_600] as const;
const INTO_GREETING_MS = 500;
/** The agent was speaking at that moment: its sound was there this shortly before. */
const SPEAKING_MS = 400;

interface BargeInOptions extends EngineOptions {
  turns: number;
  language: Language;
}

/** Stop time, ms; or why there is none. */
type Interruption = number | 'talked on' | 'nothing to interrupt';

export function command(): Command {
  const bench = new Command('barge-in')
    .description('The caller speaks over the greeting and over a long answer, in a fresh call each time.')
    .option('--turns <n>', 'interruptions of each kind for each pipeline', count, 10);
  return engineOptions(languageOption(bench), 'fixed');
}

/**
 * Barge-in: the first sound of the caller's words over the agent → the agent's last sound at the caller, in the
 * greeting and in a long answer, for Charla and the stock pipeline in turn.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<BargeInOptions>(command(), args);
  const { language, turns, engines } = options;
  const { longQuestion, interruption, fixed } = CONVERSATIONS[language];
  const texts = [longQuestion, interruption];
  const keptVoice = engines === 'fixed' ? await callerVoice(texts, language) : undefined;
  const contestants = [CHARLA, STOCK_TAKES_ALL];
  const stack = await startBenchStack({
    engines: options,
    words: { transcript: interruption, answer: fixed.longAnswer },
    contestants,
  });
  try {
    const [question = new Int16Array(), words = new Int16Array()] =
      keptVoice ?? (await callerVoice(texts, language, stack.inferenceUrl));
    const over = {
      greeting: new Map<string, Interruption[]>(contestants.map(({ name }) => [name, []])),
      answer: new Map<string, Interruption[]>(contestants.map(({ name }) => [name, []])),
    };
    // The first round warms everything up and is not counted.
    for (let turn = -1; turn < turns; turn += 1) {
      for (const contestant of turn % 2 === 0 ? contestants : contestants.toReversed()) {
        const outcome = await interruptedCalls(stack, contestant, { language, question, words, turn });
        if (turn < 0) continue;
        over.greeting.get(contestant.name)?.push(outcome.greeting);
        over.answer.get(contestant.name)?.push(outcome.answer);
      }
    }
    return report(options, over);
  } finally {
    await stack.close();
  }
}

/** A call whose greeting is interrupted, and one whose long answer is. */
async function interruptedCalls(
  stack: BenchStack,
  { agentName }: Contestant,
  about: { language: Language; question: Int16Array; words: Int16Array; turn: number },
): Promise<{ greeting: Interruption; answer: Interruption }> {
  const { language, question, words, turn } = about;
  const { dataTools } = CONVERSATIONS[language];
  const call = async (use: (call: BenchCall) => Promise<Interruption>) => {
    const started = await startCall(stack, { agentName, language, dataTools });
    try {
      return await use(started);
    } finally {
      await started.hangUp();
    }
  };
  const greeting = await call(({ caller, joinedAt }) => interrupt(caller, joinedAt, INTO_GREETING_MS, words));
  const answer = await call(async ({ caller, joinedAt }) => {
    await caller
      .until(() => caller.firstSoundAfter(joinedAt), ANSWER_TIMEOUT_MS, 'the greeting')
      .catch(() => undefined);
    await caller.quiet(ANSWER_TIMEOUT_MS).catch(() => undefined);
    const askedAt = await caller.say(question);
    const into = INTO_ANSWER_MS[Math.max(0, turn) % INTO_ANSWER_MS.length] ?? INTO_ANSWER_MS[0];
    return interrupt(caller, askedAt, into, words);
  });
  return { greeting, answer };
}

/**
 * Speaks over what the agent says.
 *
 * @param since - the agent's sound is awaited from here on
 * @param intoMs - the caller's words begin this long after its first sound
 */
async function interrupt(
  caller: Caller,
  since: number,
  intoMs: number,
  words: Int16Array,
): Promise<Interruption> {
  const began = await caller
    .until(() => caller.firstSoundAfter(since), ANSWER_TIMEOUT_MS, 'something to interrupt')
    .catch(() => undefined);
  if (began === undefined) return 'nothing to interrupt';
  await sleep(began + intoMs - performance.now());
  const endedAt = await caller.say(words);
  // The microphone plays without a gap, so the words began as long ago as they last.
  const startedAt = endedAt - (words.length / CALLER_SAMPLE_RATE) * 1000;
  const before = caller.firstSoundAfter(startedAt - SPEAKING_MS);
  if (before === undefined || before > startedAt) return 'nothing to interrupt';
  const lastSound = await caller
    .until(() => lastSoundBeforeSilence(caller, startedAt), STOP_TIMEOUT_MS, 'the agent to stop')
    .catch(() => undefined);
  return lastSound === undefined ? 'talked on' : Math.max(0, lastSound - startedAt);
}

function report(
  { engines, language, turns }: BargeInOptions,
  over: Record<'greeting' | 'answer', ReadonlyMap<string, readonly Interruption[]>>,
): BenchResult {
  const [answer, greeting] = (['answer', 'greeting'] as const).map((what) => {
    const stops = new Map(
      [...over[what]].map(([name, all]) => [name, all.filter((one) => typeof one === 'number')]),
    );
    return compare(`stop time in the ${what}, ms`, stops, (name) => ({
      'talked on': times(over[what].get(name), 'talked on'),
      'nothing to interrupt': times(over[what].get(name), 'nothing to interrupt'),
    }));
  });
  return {
    title: `Barge-in, ${engines} engines, ${language}, ${turns} of each kind`,
    rows: [...(answer?.rows ?? []), ...(greeting?.rows ?? [])],
    json: {
      options: { engines, language, turns },
      answerStopMs: answer?.json,
      greetingStopMs: greeting?.json,
    },
  };
}

function times(all: readonly Interruption[] | undefined, outcome: Interruption): number {
  return (all ?? []).filter((one) => one === outcome).length;
}
