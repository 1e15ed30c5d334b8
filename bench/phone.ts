import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { RoomServiceClient } from 'livekit-server-sdk';
import { z } from 'zod';
import { FRAME_MS, LINE_RATE } from '../src/channels/line.ts';
import { resampled } from '../src/channels/resampled.ts';
import type { Language } from '../src/config/config.ts';
import { type AudioSocketCall, callByAudioSocket } from '../test/support/audiosocket-carrier.ts';
import { CALLER_SAMPLE_RATE } from '../test/support/caller.ts';
import { callBySip } from '../test/support/sip-caller.ts';
import type { BenchResult } from './support/bench-result.ts';
import { callerVoice } from './support/caller-voice.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { clip } from './support/heard-words.ts';
import { lastSoundBeforeSilence, longestSilence } from './support/last-sound.ts';
import { count, counts, languageOption, parseOptions } from './support/options.ts';
import { percentile } from './support/percentiles.ts';
import { placeCall, WAYS, type Way } from './support/phone-call.ts';
import { type PhoneStack, startPhoneStack } from './support/phone-stack.ts';
import { cpuSeconds } from './support/process-cpu.ts';
import { processTree, totalMb } from './support/process-memory.ts';

const ANSWER_TIMEOUT_MS = 15_000;
const GREETING_TIMEOUT_MS = 30_000;
/** How far into the answer the caller speaks. */
const INTO_ANSWER_MS = 1_200;
/** The voice of the engines with fixed delays has no pauses, so that a shorter silence is a stop. */
const STOP_SILENCE_MS = 300;
/** A call ends, and an idle process takes its job's place. */
const CALM_MS = 4_000;
/** Many calls begin one after another, and are then measured for this long. */
const BETWEEN_CALLS_MS = 500;
const LOAD_MS = 15_000;
/** Of a call that was hung up. */
const ENDED_TIMEOUT_MS = 10_000;
const LOOK_EACH_MS = 20;
/** Those who call at once wait for as many processes to start. */
const MANY_TIMEOUT_MS = 90_000;

const PATIENT_NUMBER = '+34911234568';

const newestCall = z.object({ items: z.array(z.object({ outcome: z.string().nullable() })) });

interface PhoneOptions {
  turns: number;
  calls: number[];
  conversations: number[];
  language: Language;
}

/** Sounds of the caller, mono, 24 kHz. */
interface Sounds {
  question: Int16Array;
  interruption: Int16Array;
}

interface Measured {
  setUpMs: number[];
  greetingMs: number[];
  voiceToVoiceMs: number[];
  bargeInMs: number[];
  /** Hang-up → no room any more, and an outcome in the history. */
  endedMs: number[];
  failed: number;
}

/** What those who talk at once over SIP heard. */
interface Conversations {
  callers: number;
  greeted: number;
  greetingMs: number[];
  voiceToVoiceMs: number[];
  /** Longest silence within the answer, of each. */
  gapMs: number[];
  /** Longest time for which this process could not listen: gaps up to it may be its own. */
  deafMs: number;
}

interface Load {
  calls: number;
  /** Processor time of the API's process for each call, in hundredths of a core. */
  cpuPercent: number | undefined;
  /** Memory of the API's process over what it had without calls, for each call. */
  memoryMb: number;
  /** Distance of two frames at a telephone from 20 ms. */
  jitterMs: { p50: number; p99: number };
}

export function command(): Command {
  const bench = new Command('phone')
    .description('Telephone calls on every channel, beside a browser; and many calls through the gateway.')
    .option('--turns <n>', 'calls on each way; in each the caller is greeted, asks, and interrupts', count, 8)
    .option('--calls <n,n,…>', 'AudioSocket calls at once, for what a gateway takes', counts, [1, 10, 30])
    .option('--conversations <n,n,…>', 'SIP calls that ask and hear an answer at once', counts, [4, 10]);
  return languageOption(bench);
}

/**
 * Calls in turn on every way, with engines of fixed delays: set-up (call, INVITE, webhook or connection → the line is up →
 * first sound of the greeting), voice-to-voice and barge-in, all at the telephone. Then many calls through the gateway at
 * once: processor time and memory of `charla serve`, and how evenly frames reach the telephones. Then conversations over SIP
 * at once: whether all of the answer is heard.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<PhoneOptions>(command(), args);
  const { language, turns } = options;
  const { questions, interruption, fixed } = CONVERSATIONS[language];
  const texts = [questions[0] ?? '', interruption];
  const [question = new Int16Array(), over = new Int16Array()] = await callerVoice(texts, language);
  const most = Math.max(...options.calls, ...options.conversations, WAYS.length);
  const stack = await startPhoneStack({ transcript: '', answer: fixed.longAnswer }, most);
  try {
    await stack.engines.hears([
      clip(texts[0] ?? '', question, CALLER_SAMPLE_RATE),
      clip(interruption, over, CALLER_SAMPLE_RATE),
    ]);
    const measured = new Map<Way, Measured>(WAYS.map((way) => [way, nothing()]));
    // The first round warms everything up and is not counted.
    for (let turn = -1; turn < turns; turn += 1) {
      for (const way of turn % 2 === 0 ? WAYS : WAYS.toReversed()) {
        process.stderr.write(`${way}\n`);
        const into = (turn < 0 ? undefined : measured.get(way)) ?? nothing();
        await measureCall(stack, way, { question, interruption: over }, into);
      }
    }
    const conversations: Conversations[] = [];
    for (const callers of options.conversations.toSorted((one, other) => one - other)) {
      process.stderr.write(`${callers} conversations at once\n`);
      conversations.push(await measureConversations(stack, callers, question));
    }
    const load: Load[] = [];
    for (const calls of options.calls.toSorted((one, other) => one - other)) {
      process.stderr.write(`${calls} calls at once\n`);
      load.push(await measureLoad(stack, calls));
    }
    return report(options, measured, load, conversations);
  } finally {
    await stack.close();
  }
}

function nothing(): Measured {
  return { setUpMs: [], greetingMs: [], voiceToVoiceMs: [], bargeInMs: [], endedMs: [], failed: 0 };
}

/** One call: the greeting, a question, and words over its long answer. What does not come counts as failed. */
async function measureCall(stack: PhoneStack, way: Way, sounds: Sounds, into: Measured): Promise<void> {
  const { person, say, calledAt, answeredAt, hangUp } = await placeCall(stack, way);
  try {
    into.setUpMs.push(answeredAt - calledAt);
    const greetedAt = await person.until(
      () => person.firstSoundAfter(calledAt),
      GREETING_TIMEOUT_MS,
      'the greeting',
    );
    into.greetingMs.push(greetedAt - calledAt);
    await person.until(() => silentFor(person, 1_000), GREETING_TIMEOUT_MS, 'the end of the greeting');
    const askedAt = await say(sounds.question);
    const answerAt = await person.until(
      () => person.firstSoundAfter(askedAt),
      ANSWER_TIMEOUT_MS,
      'the answer',
    );
    into.voiceToVoiceMs.push(answerAt - askedAt);
    await sleep(answerAt + INTO_ANSWER_MS - performance.now());
    const saidAt = await say(sounds.interruption);
    const beganAt = saidAt - (sounds.interruption.length / CALLER_SAMPLE_RATE) * 1000;
    const silentAt = await person.until(
      () => lastSoundBeforeSilence(person, beganAt, performance.now(), STOP_SILENCE_MS),
      ANSWER_TIMEOUT_MS,
      'the agent to stop',
    );
    into.bargeInMs.push(silentAt - beganAt);
  } catch (error) {
    into.failed += 1;
    process.stderr.write(`${error}\n`);
  } finally {
    const hungUpAt = performance.now();
    const [endedAt] = await Promise.all([callEnded(stack), hangUp()]);
    into.endedMs.push(endedAt - hungUpAt);
    await sleep(CALM_MS);
  }
}

/** @returns when no room was there any more and the newest call had an outcome, ms of `performance.now()` */
async function callEnded({ apiUrl, apiKey, sip: { livekit } }: PhoneStack): Promise<number> {
  const rooms = new RoomServiceClient(livekit.url.replace('ws', 'http'), livekit.apiKey, livekit.apiSecret);
  for (const deadline = performance.now() + ENDED_TIMEOUT_MS; performance.now() < deadline; ) {
    const [open, { items }] = await Promise.all([
      rooms.listRooms(),
      fetch(`${apiUrl}/calls?limit=1`, { headers: { 'x-api-key': apiKey } }).then(async (response) =>
        newestCall.parse(await response.json()),
      ),
    ]);
    if (open.length === 0 && items[0]?.outcome) return performance.now();
    await sleep(LOOK_EACH_MS);
  }
  return Number.POSITIVE_INFINITY;
}

/** Callers who are all greeted first, and then ask in the same moment. */
async function measureConversations(
  { sip, apiUrl, apiKey }: PhoneStack,
  callers: number,
  question: Int16Array,
): Promise<Conversations> {
  // Who is greeted first waits for the others, and is not to be asked meanwhile whether they are there.
  const patient = await fetch(`${apiUrl}/profiles/patient`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body: JSON.stringify({ numbers: [PATIENT_NUMBER], silence: { after_s: 300 } }),
  });
  if (!patient.ok) throw new Error(`The profile was refused: ${await patient.text()}`);
  const onTheLine = resampled(question, CALLER_SAMPLE_RATE, LINE_RATE);
  const greetingMs: number[] = [];
  const calls = await succeeded(
    Array.from({ length: callers }, async (_, index) => {
      const call = await callBySip(sip.sipPort, { from: `+346001122${10 + index}`, to: PATIENT_NUMBER });
      const { telephone, invitedAt } = call;
      const greetedAt = await telephone.until(
        () => telephone.firstSoundAfter(0),
        MANY_TIMEOUT_MS,
        'the greeting',
      );
      greetingMs.push(greetedAt - invitedAt);
      await telephone.quiet();
      return call;
    }),
  );
  const deaf = monitorEventLoopDelay({ resolution: 10 });
  deaf.enable();
  const answers = await succeeded(
    calls.map(async ({ telephone }) => {
      const askedAt = await telephone.say(onTheLine);
      const firstAt = await telephone.until(
        () => telephone.firstSoundAfter(askedAt),
        MANY_TIMEOUT_MS,
        'the answer',
      );
      await telephone.quiet();
      const { ms } = longestSilence(telephone, firstAt, telephone.lastSound() ?? firstAt);
      return { voiceToVoiceMs: firstAt - askedAt, gapMs: Math.max(0, ms - FRAME_MS) };
    }),
  );
  deaf.disable();
  await succeeded(calls.map((call) => call.hangUp()));
  await sleep(CALM_MS);
  return {
    callers,
    greeted: greetingMs.length,
    greetingMs,
    voiceToVoiceMs: answers.map(({ voiceToVoiceMs }) => voiceToVoiceMs),
    gapMs: answers.map(({ gapMs }) => gapMs),
    deafMs: deaf.max / 1e6,
  };
}

/** What came of those that went well; why others did not is said. */
async function succeeded<T>(all: readonly Promise<T>[]): Promise<T[]> {
  return (await Promise.allSettled(all)).flatMap((one) => {
    if (one.status === 'fulfilled') return [one.value];
    process.stderr.write(`${one.reason}\n`);
    return [];
  });
}

function silentFor(person: { lastSound(): number | undefined }, ms: number): boolean {
  return performance.now() - (person.lastSound() ?? 0) > ms;
}

/** Calls that only listen: a gateway's work is the same, and this machine's processors are left to it. */
async function measureLoad(stack: PhoneStack, calls: number): Promise<Load> {
  const { servePid } = stack;
  const before = totalMb(await processTree(servePid));
  const running: AudioSocketCall[] = [];
  try {
    for (let made = 0; made < calls; made += 1) {
      running.push(await callByAudioSocket(stack.audioSocketPort));
      await sleep(BETWEEN_CALLS_MS);
    }
    await sleep(CALM_MS);
    const [cpuBefore, startedAt] = [await cpuSeconds(servePid), performance.now()];
    await sleep(LOAD_MS);
    const [cpuAfter, seconds] = [await cpuSeconds(servePid), (performance.now() - startedAt) / 1000];
    const memory = totalMb(await processTree(servePid)) - before;
    const distances = running.flatMap(({ telephone }) => telephone.distances(startedAt));
    const uneven = distances.map((ms) => Math.abs(ms - FRAME_MS));
    return {
      calls,
      cpuPercent:
        cpuBefore === undefined || cpuAfter === undefined
          ? undefined
          : ((cpuAfter - cpuBefore) / seconds / calls) * 100,
      memoryMb: memory / calls,
      jitterMs: {
        p50: percentile(uneven, 0.5) ?? Number.NaN,
        p99: percentile(uneven, 0.99) ?? Number.NaN,
      },
    };
  } finally {
    await Promise.all(running.map((call) => call.hangUp()));
    await sleep(CALM_MS);
  }
}

function report(
  { language, turns }: PhoneOptions,
  measured: ReadonlyMap<Way, Measured>,
  load: readonly Load[],
  conversations: readonly Conversations[],
): BenchResult {
  const browser = measured.get(WAYS[0]) ?? nothing();
  const rows = [...measured].map(([way, of]) => ({
    way,
    n: of.voiceToVoiceMs.length,
    failed: of.failed,
    'set-up p50, ms': shown(percentile(of.setUpMs, 0.5)),
    'call → greeting p50 / p95, ms': both(of.greetingMs),
    'voice-to-voice p50 / p95, ms': both(of.voiceToVoiceMs),
    'over the browser, ms': way === WAYS[0] ? '' : gap(of.voiceToVoiceMs, browser.voiceToVoiceMs),
    'barge-in p50 / p95, ms': both(of.bargeInMs),
    'barge-in over the browser, ms': way === WAYS[0] ? '' : gap(of.bargeInMs, browser.bargeInMs),
    'hang-up → room and history p50 / p95, ms': both(of.endedMs),
  }));
  const loads = load.map(({ calls, cpuPercent, memoryMb, jitterMs }) => ({
    'calls at once': calls,
    'CPU of a call, % of a core': shown(cpuPercent, 2),
    'memory of a call, MB': shown(memoryMb, 1),
    'frame jitter p50, ms': shown(jitterMs.p50, 2),
    'frame jitter p99, ms': shown(jitterMs.p99, 2),
  }));
  return {
    title: `Telephone calls, fixed engines, ${language}, ${turns} calls on each way`,
    rows,
    more: [
      { title: 'Calls through the gateway at once (AudioSocket), in `charla serve`', rows: loads },
      {
        title: 'Conversations over SIP at once',
        rows: conversations.map((one) => ({
          'conversations at once': one.callers,
          greeted: one.greeted,
          answered: one.gapMs.length,
          'INVITE → greeting p50 / p95, ms': both(one.greetingMs),
          'voice-to-voice p50 / p95, ms': both(one.voiceToVoiceMs),
          'longest gap p50 / most, ms': `${shown(percentile(one.gapMs, 0.5))} / ${shown(Math.max(...one.gapMs))}`,
          'of which the listener itself, ms': shown(one.deafMs),
        })),
      },
    ],
    json: { options: { language, turns }, ways: Object.fromEntries(measured), load, conversations },
  };
}

function both(values: readonly number[]): string {
  return `${shown(percentile(values, 0.5))} / ${shown(percentile(values, 0.95))}`;
}

function gap(values: readonly number[], of: readonly number[]): string | number {
  const [mine, theirs] = [percentile(values, 0.5), percentile(of, 0.5)];
  return mine === undefined || theirs === undefined ? '–' : Math.round(mine - theirs);
}

function shown(value: number | undefined, digits = 0): string | number {
  return value !== undefined && Number.isFinite(value) ? Number(value.toFixed(digits)) : '–';
}
