import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Language } from '../src/config/config.ts';
import { CALLER_SAMPLE_RATE, Caller } from '../test/support/caller.ts';
import { ask } from './support/ask.ts';
import type { BenchResult } from './support/bench-result.ts';
import { type OpenRoom, openBenchRoom } from './support/call.ts';
import { callerVoice } from './support/caller-voice.ts';
import { BASELINE, compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { clip } from './support/heard-words.ts';
import { count, counts, languageOption, parseOptions } from './support/options.ts';
import { percentile } from './support/percentiles.ts';
import { cpuSeconds } from './support/process-cpu.ts';
import { totalMb } from './support/process-memory.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';
import { type WorkerMemory, workerMemory } from './support/worker-memory.ts';

/** A caller who has heard nothing for this long has hung up. */
const PATIENCE_MS = 30_000;
/** Who is not answered within this time counts with it. */
const ANSWER_TIMEOUT_MS = 15_000;
/** Callers ask within this time of each other, evenly: nobody waits for anybody, and nobody is in step. */
const SPREAD_MS = 3_000;
/** Few callers ask more often, so that one unlucky answer does not make a p95. */
const LEAST_ANSWERS = 8;
/** Job processes end, and idle ones take their place. */
const CALM_MS = 8_000;

interface RoomsOptions extends EngineOptions {
  n: number[];
  questions: number;
  minutes: number;
  language: Language;
}

/** What callers who came at once found. */
interface Measured {
  /** Beginning of the join → first sound of the greeting, ms, of those who were greeted. */
  greetingMs: number[];
  /** Of every question that was answered. */
  voiceToVoiceMs: number[];
  /** Questions that had no answer, those of callers without an agent included. */
  unanswered: number;
  /** Of them, those over which the agent spoke: it still said something, or took a pause for the end. */
  spokenOver: number;
  /** Processor time of the worker while questions were asked, cores for each call. */
  cores: number | undefined;
  /** Mean of the job processes in a call, MB of proportional share. */
  jobMb: number;
  /** The worker with all of its processes, in these calls, MB of proportional share. */
  workerMb: number;
}

export function command(): Command {
  const bench = new Command('rooms')
    .description('Callers who come at once: who is greeted and answered, how soon, and what a call takes.')
    .option('--n <n,n,…>', 'callers at once', counts, [1, 2, 4, 8, 16])
    .option('--questions <n>', 'of each caller; more where there are few callers', count, 2)
    .option('--minutes <n>', 'no larger number of callers is begun after this time', count, 10);
  return engineOptions(languageOption(bench), 'fixed');
}

/**
 * Load: for each number of callers the greetings, voice-to-voice, processor time and memory of a call, and the number at
 * which the p95 of voice-to-voice is twice that of the smallest. For Charla and for the stock pipeline as it comes.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<RoomsOptions>(command(), args);
  const { language, engines, minutes } = options;
  const texts = CONVERSATIONS[language].questions.slice(0, options.questions);
  const keptVoice = engines === 'fixed' ? await callerVoice(texts, language) : undefined;
  const contestants = [CHARLA, STOCK];
  const deadline = performance.now() + minutes * 60_000;
  const stack = await startBenchStack({
    engines: options,
    words: CONVERSATIONS[language].fixed,
    contestants,
  });
  try {
    const questions = keptVoice ?? (await callerVoice(texts, language, stack.inferenceUrl));
    await stack.fixedEngines?.hears(
      texts.map((text, at) => clip(text, questions[at] ?? new Int16Array(), CALLER_SAMPLE_RATE)),
    );
    const measured = new Map(contestants.map(({ name }) => [name, new Map<number, Measured>()]));
    for (const contestant of contestants) await measure(stack, contestant, { language, questions, n: 1 });
    for (const n of options.n.toSorted((one, other) => one - other)) {
      if (performance.now() > deadline) break;
      const each = Math.max(options.questions, Math.ceil(LEAST_ANSWERS / n));
      const asked = Array.from(
        { length: each },
        (_, at) => questions[at % questions.length] ?? new Int16Array(),
      );
      for (const contestant of contestants) {
        process.stderr.write(`${n} × ${contestant.name}\n`);
        const all = await measure(stack, contestant, { language, questions: asked, n });
        measured.get(contestant.name)?.set(n, all);
      }
    }
    return report(options, measured);
  } finally {
    await stack.close();
  }
}

/** Callers come at once, wait for their greetings, ask their questions, and hang up together. */
async function measure(
  stack: BenchStack,
  { name, agentName }: Contestant,
  { language, questions, n }: { language: Language; questions: readonly Int16Array[]; n: number },
): Promise<Measured> {
  const rooms: OpenRoom[] = [];
  const callers: Caller[] = [];
  const pid = stack.pid(name) ?? 0;
  try {
    const greetings = await Promise.all(
      Array.from({ length: n }, async () => {
        const { dataTools } = CONVERSATIONS[language];
        const room = await openBenchRoom(stack, { agentName, dataTools, language });
        rooms.push(room);
        const joinedAt = performance.now();
        const caller = await Caller.join(room);
        callers.push(caller);
        const at = await caller
          .until(() => caller.firstSoundAfter(joinedAt), PATIENCE_MS, 'the greeting')
          .catch(() => undefined);
        if (at === undefined) return undefined;
        await caller.quiet(PATIENCE_MS).catch(() => undefined);
        return { caller, greetingMs: at - joinedAt };
      }),
    );
    const greeted = greetings.filter((one) => one !== undefined);
    const [cpuBefore, askedFrom] = [await cpuSeconds(pid), performance.now()];
    const turns = await Promise.all(
      greeted.map(async ({ caller }, at) => {
        await sleep((SPREAD_MS / greeted.length) * at);
        const all = [];
        for (const question of questions) all.push(await ask(caller, question, ANSWER_TIMEOUT_MS));
        return all;
      }),
    );
    const [cpuAfter, seconds] = [await cpuSeconds(pid), (performance.now() - askedFrom) / 1000];
    const memory = await workerMemory(pid, greeted.length);
    const voiceToVoiceMs = turns
      .flat()
      .flatMap((turn) => (turn.outcome === 'answered' ? [turn.voiceToVoiceMs] : []));
    const spokenOver = turns.flat().filter(({ outcome }) => outcome === 'cut off').length;
    return {
      greetingMs: greeted.map(({ greetingMs }) => greetingMs),
      voiceToVoiceMs,
      unanswered: n * questions.length - voiceToVoiceMs.length,
      spokenOver,
      cores:
        cpuBefore === undefined || cpuAfter === undefined || greeted.length === 0
          ? undefined
          : (cpuAfter - cpuBefore) / seconds / greeted.length,
      ...memoryOf(memory),
    };
  } finally {
    await Promise.all(callers.map((caller) => caller.hangUp()));
    for (const room of rooms) await room.close();
    await sleep(CALM_MS);
  }
}

function memoryOf({ parent, turnDetector, jobsInCall, idleJobs }: WorkerMemory) {
  return {
    jobMb: jobsInCall.length === 0 ? Number.NaN : totalMb(jobsInCall) / jobsInCall.length,
    workerMb: totalMb([...parent, ...turnDetector, ...jobsInCall, ...idleJobs]),
  };
}

/**
 * The smallest number of callers at which the p95 of voice-to-voice is at least twice what it was at the smallest number
 * of all. A question without an answer counts with the time after which it was given up.
 *
 * @returns undefined when it never was
 */
export function doubledAt(
  measured: ReadonlyMap<number, Pick<Measured, 'voiceToVoiceMs' | 'unanswered'>>,
): number | undefined {
  const p95 = [...measured]
    .toSorted(([one], [other]) => one - other)
    .map(([n, { voiceToVoiceMs, unanswered }]) => {
      const missing = Array.from({ length: unanswered }, () => ANSWER_TIMEOUT_MS);
      return { n, p95: percentile([...voiceToVoiceMs, ...missing], 0.95) ?? ANSWER_TIMEOUT_MS };
    });
  const [alone, ...more] = p95;
  return alone && more.find((one) => one.p95 >= 2 * alone.p95)?.n;
}

function report(
  options: RoomsOptions,
  measured: ReadonlyMap<string, ReadonlyMap<number, Measured>>,
): BenchResult {
  const { engines, language, questions } = options;
  const measuredNs = [...(measured.get(BASELINE)?.keys() ?? [])];
  const rows: Array<Record<string, string | number>> = [];
  const json: object[] = [];
  for (const n of measuredNs) {
    const at = new Map(
      [...measured].flatMap(([name, by]) => {
        const one = by.get(n);
        return one === undefined ? [] : [[name, one] as const];
      }),
    );
    const stock = at.get(BASELINE);
    const waits = new Map([...at].map(([name, { voiceToVoiceMs }]) => [name, voiceToVoiceMs]));
    const compared = compare('voice-to-voice, ms', waits, (name) => {
      const {
        greetingMs = [],
        unanswered = 0,
        spokenOver = 0,
        cores,
        jobMb = Number.NaN,
        workerMb = 0,
      } = at.get(name) ?? {};
      return {
        unanswered,
        'spoken over': spokenOver,
        'greeting p95, ms': shown(percentile(greetingMs, 0.95)),
        'cores a call': shown(cores, 3),
        'job MB': shown(jobMb),
        'job / stock': name === BASELINE ? '' : shown(jobMb / (stock?.jobMb ?? Number.NaN), 2),
        'worker MB': shown(workerMb),
      };
    });
    for (const { figure, pipeline, n: answered, ...row } of compared.rows) {
      const { greetingMs = [] } = at.get(String(pipeline)) ?? {};
      rows.push({
        callers: n,
        pipeline: pipeline ?? '',
        greeted: greetingMs.length,
        answered: answered ?? 0,
        ...row,
      });
    }
    json.push({ n, voiceToVoiceMs: compared.json, measured: Object.fromEntries(at) });
  }
  const limits = [...measured].map(([name, by]) => ({
    pipeline: name,
    'p95 doubles at': doubledAt(by) ?? '–',
  }));
  const left = options.n.filter((n) => !measuredNs.includes(n));
  const note = left.length === 0 ? '' : `; no time was left for ${left.join(', ')}`;
  return {
    title: `Callers at once, ${engines} engines, ${language}, ${questions} questions each or more; stock with its default load limit${note}`,
    rows,
    more: [{ title: 'Callers at which the p95 of voice-to-voice is twice that of the fewest', rows: limits }],
    json: { options, limits, rooms: json },
  };
}

function shown(value: number | undefined, digits = 0): string | number {
  return value !== undefined && Number.isFinite(value) ? Number(value.toFixed(digits)) : '–';
}
