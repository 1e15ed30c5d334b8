import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Language } from '../src/config/config.ts';
import { CALLER_SAMPLE_RATE, type Caller } from '../test/support/caller.ts';
import { type AgentState, watchAgentStates } from './support/agent-states.ts';
import type { BenchResult, Rows } from './support/bench-result.ts';
import { type BenchCall, startCall } from './support/call.ts';
import { callerVoice } from './support/caller-voice.ts';
import { compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK_TAKES_ALL } from './support/contestants.ts';
import { CONVERSATIONS, type Conversation } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { clip } from './support/heard-words.ts';
import { STOP_SILENCE_MS } from './support/last-sound.ts';
import { count, languageOption, parseOptions } from './support/options.ts';
import { percentile } from './support/percentiles.ts';
import { pitchOf } from './support/pitch.ts';
import { NOISES } from './support/sounds.ts';
import { type Over, speakOver } from './support/speak-over.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';

/** How far into what the agent says the caller is heard: at a different place each time, and with more of it to come. */
const INTO_ANSWER_MS = [800, 1_300, 1_000, 1_600] as const;
const INTO_GREETING_MS = 500;
/** The voice of the engines with fixed delays has no pauses, so a shorter silence is a stop. */
const FIXED_STOP_SILENCE_MS = 300;
const SPEAKS_MS = 400;
/** The fixed voice rises within each clause, so that what it says after a gap tells what of it was lost, Hz a second. */
const PITCH_RISE = 40;
/** Beside a gap the sound fades; this much of it is left out, and the pitch is taken from the next, ms. */
const FADE_MS = 30;
const PITCH_MS = 80;
/** More is not lost or said twice, but another clause. */
const SAME_CLAUSE_MS = 1_500;

/** What is heard over the agent, and where. The first three want the turn, the others do not. */
const KINDS = ['words in the greeting', 'words', 'short words', 'backchannel', 'noise'] as const;
type Kind = (typeof KINDS)[number];
const WORDS: readonly Kind[] = ['words in the greeting', 'words', 'short words'];

interface BargeInOptions extends EngineOptions {
  turns: number;
  language: Language;
}

/** One sound over the agent: which, and what it did. */
interface Heard {
  kind: Kind;
  sound: string;
  over: Over;
  /** Of the agent's speech, over a gap, ms; less than 0 was said twice. Unknown at the border of two clauses. */
  lostMs?: number;
}

export function command(): Command {
  const bench = new Command('barge-in')
    .description('The caller is heard over the agent: with words, with «ajá», with a cough.')
    .option('--turns <n>', 'calls with each pipeline; each has one of every kind', count, 10);
  return engineOptions(languageOption(bench), 'fixed');
}

/**
 * Barge-in: the first sound of the caller's words over the agent → the agent's last sound at the caller, in the
 * greeting and in a long answer; and whether words, backchannels and noises ended the agent's turn. For Charla and the
 * stock pipeline in turn.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<BargeInOptions>(command(), args);
  const { language, turns, engines } = options;
  const conversation = CONVERSATIONS[language];
  const texts = wordsOf(conversation);
  const keptVoice = engines === 'fixed' ? await callerVoice(texts, language) : undefined;
  const contestants = [CHARLA, STOCK_TAKES_ALL];
  const stack = await startBenchStack({
    engines: options,
    words: { transcript: '', answer: conversation.fixed.longAnswer, pitchRise: PITCH_RISE },
    contestants,
  });
  try {
    const sounds = keptVoice ?? (await callerVoice(texts, language, stack.inferenceUrl));
    const voice = new Map(texts.map((text, at) => [text, sounds[at] ?? new Int16Array()]));
    const heard = new Map<string, Heard[]>(contestants.map(({ name }) => [name, []]));
    // The first round warms everything up and is not counted.
    for (let turn = -1; turn < turns; turn += 1) {
      for (const contestant of turn % 2 === 0 ? contestants : contestants.toReversed()) {
        const all = await interruptedCall(stack, contestant, { options, voice, turn });
        if (turn >= 0) heard.get(contestant.name)?.push(...all);
      }
    }
    return report(options, heard);
  } finally {
    await stack.close();
  }
}

function wordsOf(conversation: Conversation): string[] {
  const { longQuestion, interruption, shortInterruptions, backchannels } = conversation;
  return [longQuestion, interruption, ...shortInterruptions, ...backchannels];
}

interface Script {
  options: BargeInOptions;
  /** Sound of each text. */
  voice: ReadonlyMap<string, Int16Array>;
  turn: number;
}

/** A call in which the agent is interrupted in every way, one after another. */
async function interruptedCall(
  stack: BenchStack,
  { agentName }: Contestant,
  script: Script,
): Promise<Heard[]> {
  const { options, turn } = script;
  const { language } = options;
  const { dataTools, interruption, shortInterruptions, backchannels } = CONVERSATIONS[language];
  const noises = Object.keys(NOISES);
  const nth = (of: readonly string[]) => of[Math.max(0, turn) % of.length] ?? '';
  const call = await startCall(stack, { agentName, language, dataTools });
  try {
    const states = watchAgentStates(call.caller);
    const heard: Heard[] = [];
    for (const [kind, sound] of [
      ['words in the greeting', interruption],
      ['words', interruption],
      ['backchannel', nth(backchannels)],
      ['noise', nth(noises)],
      ['short words', nth(shortInterruptions)],
    ] as const) {
      const over = await overAgent(stack, call, states, { ...script, kind, sound });
      const lost = options.engines === 'fixed' ? lostMs(call.caller, over) : undefined;
      heard.push({ kind, sound, over, ...(lost !== undefined && { lostMs: lost }) });
    }
    return heard;
  } finally {
    await call.hangUp();
  }
}

async function overAgent(
  stack: BenchStack,
  { caller, joinedAt }: BenchCall,
  states: readonly AgentState[],
  { options, voice, turn, kind, sound }: Script & Pick<Heard, 'kind' | 'sound'>,
): Promise<Over> {
  const { longQuestion } = CONVERSATIONS[options.language];
  const question = voice.get(longQuestion) ?? new Int16Array();
  const words = voice.get(sound);
  const known = words === undefined ? [] : [clip(sound, words, CALLER_SAMPLE_RATE)];
  await stack.fixedEngines?.hears([clip(longQuestion, question, CALLER_SAMPLE_RATE), ...known]);
  const over = words ?? NOISES[sound]?.() ?? new Int16Array();
  const stopSilenceMs = options.engines === 'fixed' ? FIXED_STOP_SILENCE_MS : STOP_SILENCE_MS;
  if (kind === 'words in the greeting') {
    return speakOver(caller, states, over, { since: joinedAt, intoMs: INTO_GREETING_MS, stopSilenceMs });
  }
  const intoMs = INTO_ANSWER_MS[Math.max(0, turn) % INTO_ANSWER_MS.length] ?? INTO_ANSWER_MS[0];
  // What was said before has its answer within this time, which is long enough to be interrupted as well.
  await sleep(intoMs);
  const speaks = performance.now() - (caller.lastSound() ?? 0) < SPEAKS_MS;
  const since = speaks ? performance.now() : await caller.say(question);
  return speakOver(caller, states, over, { since, intoMs: speaks ? 0 : intoMs, stopSilenceMs });
}

/** Compares where in its clause the fixed voice was before and after a gap. */
function lostMs(caller: Caller, over: Over): number | undefined {
  if (over.outcome !== 'went on' || over.gap === undefined) return undefined;
  const { goneAt, backAt } = over.gap;
  const samples = (PITCH_MS / 1000) * CALLER_SAMPLE_RATE;
  const pitchFrom = (at: number) => pitchOf(caller.recording(at).subarray(0, samples), CALLER_SAMPLE_RATE);
  const [before, after] = [pitchFrom(goneAt - FADE_MS - PITCH_MS), pitchFrom(backAt + FADE_MS)];
  if (before === undefined || after === undefined) return undefined;
  const lost = ((after - before) / PITCH_RISE) * 1000 - PITCH_MS - 2 * FADE_MS;
  return Math.abs(lost) > SAME_CLAUSE_MS ? undefined : lost;
}

function report(
  { engines, language, turns }: BargeInOptions,
  heard: ReadonlyMap<string, readonly Heard[]>,
): BenchResult {
  const of = (name: string, kinds: readonly Kind[]) =>
    (heard.get(name) ?? []).filter(({ kind }) => kinds.includes(kind));
  const stops = WORDS.map((kind) => {
    const values = new Map(
      [...heard.keys()].map((name) => [
        name,
        of(name, [kind]).flatMap(({ over }) => (over.outcome === 'ended' ? [over.stopMs] : [])),
      ]),
    );
    return [kind, compare(`stop time, ${kind}, ms`, values)] as const;
  });
  const kinds = [...heard.keys()].flatMap((name) =>
    KINDS.map((kind) => ({ pipeline: name, kind, ...outcomes(of(name, [kind])) })),
  );
  const rates = [...heard.keys()].map((name) => ({ pipeline: name, ...fourRates(heard.get(name) ?? []) }));
  return {
    title: `Barge-in, ${engines} engines, ${language}, ${turns} calls each`,
    rows: stops.flatMap(([, { rows }]) => rows),
    more: [
      { title: 'The four rates', rows: rates },
      { title: 'What the agent did, by what was heard over it', rows: kinds },
    ],
    json: {
      options: { engines, language, turns },
      stopMs: Object.fromEntries(stops.map(([kind, { json }]) => [kind, json])),
      rates,
      kinds,
      all: Object.fromEntries(heard),
    },
  };
}

function outcomes(all: readonly Heard[]): Rows[number] {
  const times = (outcome: Over['outcome']) => all.filter(({ over }) => over.outcome === outcome).length;
  const gaps = gapsMs(all);
  const lost = all.flatMap((one) => one.lostMs ?? []);
  return {
    n: all.length,
    'ended its turn': times('ended'),
    'fell silent': times('fell silent'),
    'went on': times('went on'),
    'after a gap': gaps.length,
    'gap p50, ms': rounded(percentile(gaps, 0.5)),
    'gap p95, ms': rounded(percentile(gaps, 0.95)),
    'lost p50, ms': rounded(percentile(lost, 0.5)),
    'lost p95, ms': rounded(percentile(lost, 0.95)),
    'nothing to interrupt': times('nothing to interrupt'),
  };
}

/**
 * Of those that found the agent speaking. Words that no turn came of were missed, even where the agent happened to end;
 * after anything else, falling silent is a false stop.
 */
function fourRates(all: readonly Heard[]): Rows[number] {
  const spoken = all.filter(({ over }) => over.outcome !== 'nothing to interrupt');
  const wanted = spoken.filter(({ kind }) => WORDS.includes(kind));
  const unwanted = spoken.filter(({ kind }) => !WORDS.includes(kind));
  const times = (of: readonly Heard[], outcome: Over['outcome']) =>
    of.filter(({ over }) => over.outcome === outcome).length;
  const [stopped, resumed] = [times(wanted, 'ended'), times(unwanted, 'went on')];
  return {
    'true stops': share(stopped, wanted.length),
    missed: share(wanted.length - stopped, wanted.length),
    'false stops': share(unwanted.length - resumed, unwanted.length),
    resumed: share(resumed, unwanted.length),
  };
}

function gapsMs(all: readonly Heard[]): number[] {
  return all.flatMap(({ over }) =>
    over.outcome === 'went on' && over.gap !== undefined ? [over.gap.backAt - over.gap.goneAt] : [],
  );
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${part} of ${whole} (${Math.round((part / whole) * 100)} %)`;
}

function rounded(value: number | undefined): number | string {
  return value === undefined ? '–' : Math.round(value);
}
