import { Command } from 'commander';
import type { Language } from '../src/config/config.ts';
import { CALLER_SAMPLE_RATE, type Caller } from '../test/support/caller.ts';
import { type AgentState, committedWithin, watchAgentStates } from './support/agent-states.ts';
import { greeting } from './support/ask.ts';
import type { BenchResult, Rows } from './support/bench-result.ts';
import { type BenchCall, startCall } from './support/call.ts';
import { callerVoice } from './support/caller-voice.ts';
import { compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK_TAKES_ALL } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { type EngineOptions, engineOptions } from './support/engines.ts';
import { clip } from './support/heard-words.ts';
import { HESITATIONS, type Hesitation } from './support/hesitations.ts';
import { count, counts, languageOption, parseOptions } from './support/options.ts';
import { withPause } from './support/sounds.ts';
import { meterSpeculation } from './support/speculation.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';

const ANSWER_TIMEOUT_MS = 30_000;
const UTTERANCES_PER_CALL = 7;
/** The answers are spoken fast: nobody listens, and there are many. */
const ECHO_MS_PER_CHARACTER = 25;

interface CutOffOptions extends EngineOptions {
  pauses: number[];
  turns: number;
  language: Language;
}

/** What became of one sentence with a pause in it. */
interface Utterance {
  pauseMs: number;
  /** The agent was heard before the sentence was over. */
  spokenOver: boolean;
  /** The turn was committed before the sentence was over; what came later may have been joined to it. */
  committedEarly: boolean;
  /** The answer was made from a part of the sentence; known of engines that repeat what they understood. */
  split: boolean | undefined;
  /** What those engines understood. */
  repeated?: string;
  /** Undefined when no answer came after the sentence. */
  voiceToVoiceMs: number | undefined;
}

export function command(): Command {
  const bench = new Command('cut-offs')
    .description('Sentences with a pause in their middle: how often the agent takes the pause for the end.')
    .option('--pauses <ms,ms,…>', 'lengths of the pause', counts, [300, 600, 900])
    .option('--turns <n>', 'sentences of each pause for each pipeline', count, 14);
  return engineOptions(languageOption(bench), 'fixed');
}

/**
 * False cut-offs: a caller stops to think within a sentence. The agent was wrong when it was heard before the sentence's
 * last sample («spoken over»), or when its answer was made from a part of the sentence («split»). Also voice-to-voice
 * of these sentences, and what transcribing ahead costs on them. Both pipelines in turn.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<CutOffOptions>(command(), args);
  const { language, engines, pauses, turns } = options;
  const sentences = HESITATIONS[language];
  const texts = sentences.flatMap(({ first, second }) => [first, second]);
  const contestants = [CHARLA, STOCK_TAKES_ALL];
  const names = contestants.map(({ name }) => name);
  const keptVoice = engines === 'fixed' ? await callerVoice(texts, language) : undefined;
  const stack = await startBenchStack({
    engines: options,
    words: { transcript: '', answer: ECHO, msPerCharacter: ECHO_MS_PER_CHARACTER },
    contestants,
  });
  try {
    const sounds = keptVoice ?? (await callerVoice(texts, language, stack.inferenceUrl));
    const spoken = sentences.map((sentence, at) => ({
      ...sentence,
      firstPcm: sounds[at * 2] ?? new Int16Array(),
      secondPcm: sounds[at * 2 + 1] ?? new Int16Array(),
    }));
    // Long and short pauses take turns, and each length meets each sentence.
    const plan = Array.from({ length: turns * pauses.length }, (_, at) => ({
      pauseMs: pauses[at % pauses.length] ?? 0,
      sentence: spoken[(at + Math.floor(at / spoken.length)) % spoken.length],
    })).flatMap(({ pauseMs, sentence }) => (sentence === undefined ? [] : [{ pauseMs, sentence }]));
    // Another transcriber may write the same words differently.
    const echoes = engines === 'fixed' && options.sttBaseUrl === undefined;
    await speakAll(stack, contestants, language, { plan: plan.slice(0, 1), echoes });
    const speculation = await meterSpeculation(stack, names);
    const results = await speakAll(stack, contestants, language, { plan, echoes });
    const utterances = new Map([...results].map(([name, of]) => [name, of.length]));
    return report(options, results, await speculation(utterances));
  } finally {
    await stack.close();
  }
}

/** The engines with fixed delays answer with what they understood. */
const ECHO = '«{{heard}}».';

interface Spoken extends Hesitation {
  firstPcm: Int16Array;
  secondPcm: Int16Array;
}

async function speakAll(
  stack: BenchStack,
  contestants: readonly Contestant[],
  language: Language,
  { plan, echoes }: { plan: ReadonlyArray<{ pauseMs: number; sentence: Spoken }>; echoes: boolean },
): Promise<Map<string, Utterance[]>> {
  const results = new Map<string, Utterance[]>(contestants.map(({ name }) => [name, []]));
  for (let start = 0; start < plan.length; start += UTTERANCES_PER_CALL) {
    const calls: Array<{ name: string; call: BenchCall; states: readonly AgentState[] }> = [];
    try {
      for (const { name, agentName } of contestants) {
        const { dataTools } = CONVERSATIONS[language];
        const call = await startCall(stack, { agentName, language, dataTools });
        calls.push({ name, call, states: watchAgentStates(call.caller) });
        await greeting(call);
      }
      for (const { pauseMs, sentence } of plan.slice(start, start + UTTERANCES_PER_CALL)) {
        await stack.fixedEngines?.hears([
          clip(sentence.first.replace(/,$/, ''), sentence.firstPcm, CALLER_SAMPLE_RATE, sentence.alone),
          clip(sentence.second, sentence.secondPcm, CALLER_SAMPLE_RATE),
        ]);
        for (const { name, call, states } of calls) {
          results.get(name)?.push(await speak(call.caller, states, { pauseMs, sentence, echoes }));
        }
      }
    } finally {
      for (const { call } of calls) await call.hangUp();
    }
  }
  return results;
}

async function speak(
  caller: Caller,
  states: readonly AgentState[],
  { pauseMs, sentence, echoes }: { pauseMs: number; sentence: Spoken; echoes: boolean },
): Promise<Utterance> {
  const captionsBefore = caller.captions.length;
  const beganAt = performance.now();
  const endedAt = await caller.say(withPause(sentence.firstPcm, sentence.secondPcm, pauseMs));
  const answeredAt = await caller
    .until(() => caller.firstSoundAfter(endedAt), ANSWER_TIMEOUT_MS, 'the answer')
    .catch(() => undefined);
  await caller.quiet(ANSWER_TIMEOUT_MS).catch(() => undefined);
  const answers = caller.captions.slice(captionsBefore).filter(({ speaker }) => speaker === 'agent');
  const repeated = words(answers.at(-1)?.text ?? '');
  return {
    pauseMs,
    spokenOver: (caller.firstSoundAfter(beganAt) ?? Number.POSITIVE_INFINITY) < endedAt,
    committedEarly: committedWithin(states, beganAt, endedAt),
    split: echoes ? !holdsBoth(repeated, sentence) : undefined,
    ...(echoes && { repeated }),
    voiceToVoiceMs: answeredAt === undefined ? undefined : answeredAt - endedAt,
  };
}

/** Two transcriptions joined read «Quiero saber. Cuántos…», one of the whole sentence «Quiero saber cuántos…». */
function holdsBoth(repeated: string, { first, alone, second }: Hesitation): boolean {
  return [first, alone].some((part) => repeated.includes(words(`${part} ${second}`)));
}

function words(text: string): string {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ');
}

function report(
  { engines, language, pauses, turns }: CutOffOptions,
  results: ReadonlyMap<string, readonly Utterance[]>,
  speculation: { rows: Rows; json: object },
): BenchResult {
  const rows: Array<Record<string, string | number>> = [];
  const json: Record<string, object> = {};
  for (const pauseMs of pauses) {
    const of = new Map(
      [...results].map(([name, all]) => [name, all.filter((one) => one.pauseMs === pauseMs)]),
    );
    const waits = new Map([...of].map(([name, all]) => [name, all.flatMap(answeredMs)]));
    const outcomes = (name: string) => {
      const all = of.get(name) ?? [];
      const times = (is: (one: Utterance) => boolean) => all.filter(is).length;
      const cutOff = times(({ spokenOver, split = false }) => spokenOver || split);
      const known = all.some(({ split }) => split !== undefined);
      return {
        sentences: all.length,
        'false cut-offs': all.length === 0 ? '–' : `${Math.round((cutOff / all.length) * 100)} %`,
        'spoken over': times(({ spokenOver }) => spokenOver),
        split: known ? times(({ spokenOver, split = false }) => split && !spokenOver) : '–',
        'committed early': times(({ committedEarly }) => committedEarly),
        'no answer': times(({ voiceToVoiceMs }) => voiceToVoiceMs === undefined),
      };
    };
    const compared = compare(`voice-to-voice, pause ${pauseMs} ms`, waits, outcomes);
    rows.push(...compared.rows);
    json[pauseMs] = Object.fromEntries(
      [...of.keys()].map((name) => [name, { ...compared.json[name], ...outcomes(name) }]),
    );
  }
  return {
    title: `False cut-offs, ${engines} engines, ${language}, ${turns} sentences of each pause`,
    rows,
    more: [{ title: 'What transcribing ahead costs, for each sentence', rows: speculation.rows }].filter(
      ({ rows: lines }) => lines.length > 0,
    ),
    json: {
      options: { engines, language, pauses, turns },
      pauses: json,
      speculation: speculation.json,
      sentences: Object.fromEntries(results),
    },
  };
}

/** A sentence that was cut off has no voice-to-voice: the answer had begun, or was made of half of it. */
function answeredMs({ spokenOver, split = false, voiceToVoiceMs }: Utterance): number[] {
  return spokenOver || split || voiceToVoiceMs === undefined ? [] : [voiceToVoiceMs];
}
