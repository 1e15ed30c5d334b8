import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Language } from '../src/config/config.ts';
import { CALLER_SAMPLE_RATE, type Caller, levelDb } from '../test/support/caller.ts';
import { watchAgentStates } from './support/agent-states.ts';
import { ask, greeting } from './support/ask.ts';
import type { BenchResult } from './support/bench-result.ts';
import { startCall } from './support/call.ts';
import { callerVoice } from './support/caller-voice.ts';
import { CHARLA } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { EngineRecorder } from './support/engine-recorder.ts';
import { type EngineOptions, engineOptions, engineVariables } from './support/engines.ts';
import { clip } from './support/heard-words.ts';
import { languageOption, parseOptions } from './support/options.ts';
import { startBenchStack } from './support/stack.ts';
import { drawTimeline, type Levels, type RecordedCall } from './support/timeline-svg.ts';

const STEP_MS = 20;
const ANSWER_TIMEOUT_MS = 30_000;
/** How far into the long answer the caller speaks over it. */
const INTO_ANSWER_MS = 1_500;

/** The caller hangs up this long into the last answer. */
const LAST_ANSWER_MS = 5_000;

interface TimelineOptions extends EngineOptions {
  out: string;
  language: Language;
}

export function command(): Command {
  const bench = new Command('timeline')
    .description('One call with Charla, drawn: who spoke when, what each engine did, and the agent’s state.')
    .option('--out <file>', 'the picture, SVG', 'docs/call-timeline.svg');
  return engineOptions(languageOption(bench), 'local');
}

/**
 * Records a call and draws it: the greeting, a question, a long answer that the caller interrupts, and what is said then.
 * One call as it happened, no figure of a benchmark.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<TimelineOptions>(command(), args);
  const { language, out } = options;
  const { questions, longQuestion, interruption, fixed } = CONVERSATIONS[language];
  const texts = [questions[0] ?? '', longQuestion, interruption];
  const keptVoice = options.engines === 'fixed' ? await callerVoice(texts, language) : undefined;
  const words = { transcript: fixed.transcript, answer: fixed.answer };
  const stack = await startBenchStack({ engines: options, words, contestants: [] });
  const recorder = await EngineRecorder.start(stack.enginesPort);
  try {
    const sounds = keptVoice ?? (await callerVoice(texts, language, stack.inferenceUrl));
    const lines = texts.map((text, at) => ({ text, pcm: sounds[at] ?? new Int16Array() }));
    await stack.fixedEngines?.hears(lines.map(({ text, pcm }) => clip(text, pcm, CALLER_SAMPLE_RATE)));
    await stack.startWorker({ ...CHARLA, env: engineVariables(options, recorder.port) });
    const about = { agentName: CHARLA.agentName, language, dataTools: CONVERSATIONS[language].dataTools };
    // A call before it, so that models and processes are as they are all day.
    const before = await startCall(stack, about);
    await greeting(before);
    await ask(before.caller, sounds[0] ?? new Int16Array());
    await before.hangUp();

    const call = await startCall(stack, about);
    const states = watchAgentStates(call.caller);
    await greeting(call);
    const recorded = await converse(call.caller, lines);
    const agentLevels = heardLevels(call.caller, call.joinedAt);
    await call.hangUp();
    const end = performance.now();
    const picture = drawTimeline({
      ...recorded,
      agentLevels,
      engines: recorder.spans.filter(({ from }) => from >= call.joinedAt),
      states,
      end,
    });
    await writeFile(out, picture);
    return {
      title: `A call with Charla, ${options.engines} engines, ${language}; drawn in ${out}`,
      rows: recorded.answers.map(({ questionEnd, firstSound }, at) => ({
        said: lines[at]?.text ?? '',
        'voice-to-voice, ms': Math.round(firstSound - questionEnd),
      })),
      json: { options, answers: recorded.answers },
    };
  } finally {
    await recorder.close();
    await stack.close();
  }
}

/** What the caller says, and when; the last thing over the answer to the one before it. */
async function converse(
  caller: Caller,
  lines: ReadonlyArray<{ text: string; pcm: Int16Array }>,
): Promise<Pick<RecordedCall, 'said' | 'answers' | 'callerLevels'>> {
  const said: Array<RecordedCall['said'][number] & { pcm: Int16Array }> = [];
  const answers: Array<RecordedCall['answers'][number]> = [];
  for (const [at, { text, pcm }] of lines.entries()) {
    const to = await caller.say(pcm);
    said.push({ text, from: to - (pcm.length / CALLER_SAMPLE_RATE) * 1000, to, pcm });
    const firstSound = await caller.until(() => caller.firstSoundAfter(to), ANSWER_TIMEOUT_MS, 'the answer');
    answers.push({ questionEnd: to, firstSound });
    // The last line is said over the answer to the one before it.
    if (at === lines.length - 2) await sleep(INTO_ANSWER_MS);
    else
      await caller.quiet(at === lines.length - 1 ? LAST_ANSWER_MS : ANSWER_TIMEOUT_MS).catch(() => undefined);
  }
  return { said, answers, callerLevels: spokenLevels(said) };
}

function spokenLevels(said: ReadonlyArray<{ from: number; pcm: Int16Array }>): Levels {
  const from = said[0]?.from ?? 0;
  const db: number[] = [];
  for (const one of said) {
    const first = Math.round((one.from - from) / STEP_MS);
    while (db.length < first) db.push(Number.NEGATIVE_INFINITY);
    db.push(...levels(one.pcm));
  }
  return { from, stepMs: STEP_MS, db };
}

/** Frames arrive as they are played, one after another, so the newest is of now. */
function heardLevels(caller: Caller, since: number): Levels {
  const db = levels(caller.recording(since));
  return { from: performance.now() - db.length * STEP_MS, stepMs: STEP_MS, db };
}

function levels(pcm: Int16Array): number[] {
  const samples = (CALLER_SAMPLE_RATE / 1000) * STEP_MS;
  return Array.from({ length: Math.floor(pcm.length / samples) }, (_, at) =>
    levelDb(pcm.subarray(at * samples, (at + 1) * samples)),
  );
}
