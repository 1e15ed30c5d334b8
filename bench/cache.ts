import { initializeLogger } from '@livekit/agents';
import {
  AudioFrame,
  AudioSource,
  LocalAudioTrack,
  Room,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { Command } from 'commander';
import pLimit from 'p-limit';
import { createSpeech, createSpeechCache } from '../src/agent/create-speech.ts';
import { phraseClauses } from '../src/agent/phrase-clauses.ts';
import { loadPrompts } from '../src/agent/prompts.ts';
import type { Language } from '../src/config/config.ts';
import { resolveProviders } from '../src/providers/resolve.ts';
import type { Lookup } from '../src/providers/tts/speech-cache.ts';
import type { SpeechTTS } from '../src/providers/tts/speech-tts.ts';
import { participantToken } from '../src/rooms/tokens.ts';
import { CALLER_SAMPLE_RATE, Caller } from '../test/support/caller.ts';
import { greeting } from './support/ask.ts';
import type { BenchResult, Rows } from './support/bench-result.ts';
import { openBenchRoom, startCall } from './support/call.ts';
import { compare } from './support/compare.ts';
import { CHARLA, type Contestant, STOCK_TAKES_ALL, without } from './support/contestants.ts';
import { CONVERSATIONS } from './support/conversation.ts';
import { conversationDay, type Saying } from './support/conversation-day.ts';
import type { FixedEnginesClient } from './support/fixed-engines-client.ts';
import { count, languageOption, parseOptions } from './support/options.ts';
import { type BenchStack, startBenchStack } from './support/stack.ts';

const ANSWER_TIMEOUT_MS = 15_000;
const TURNS_PER_CALL = 5;
const FRAME_MS = 20;
const SILENCE_FRAMES = 50;
const TONE_FRAMES = 10;
/** Conversations at the same time. */
const LINES = 4;

interface CacheOptions {
  turns: number;
  conversations: number;
  language: Language;
}

export function command(): Command {
  const bench = new Command('cache')
    .description('Phrases that are kept: how soon they are heard, and how much of a day they are.')
    .option('--turns <n>', 'kept phrases for each pipeline', count, 20)
    .option('--conversations <n>', 'of the day', count, 200);
  return languageOption(bench);
}

/**
 * The speech cache on engines with fixed delays. First: the model has answered with one of the agent's own phrases → its
 * first sound at the caller, in real calls, for Charla, Charla without its cache, and the stock pipeline. The question
 * is written, so that nothing but the voice is left to wait for. Second: a day of conversations through the voice of a
 * call and the cache that a worker has filled, a new one for each conversation as in its job process, without rooms.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = parseOptions<CacheOptions>(command(), args);
  const { language, turns, conversations } = options;
  const contestants = [CHARLA, without('speech-cache'), STOCK_TAKES_ALL];
  const prompts = loadPrompts(language);
  const phrases = Object.values(prompts.phrases).filter((phrase) => !phrase.includes('{{'));
  const stack = await startBenchStack({
    engines: { engines: 'fixed' },
    words: { transcript: '', answer: '', tokenMs: 0 },
    contestants,
  });
  try {
    const firstFrames = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
    for (const contestant of contestants)
      await phrasesOfCall(stack, contestant, { language, phrases, from: 0 });
    for (let from = 0; from < turns; from += TURNS_PER_CALL) {
      for (const contestant of contestants) {
        const waits = await phrasesOfCall(stack, contestant, { language, phrases, from });
        firstFrames.get(contestant.name)?.push(...waits);
      }
    }
    firstFrames.set('a tone through the room', await mediaPath(stack, language, turns));
    const compared = compare('kept phrase → first frame at the caller, ms', firstFrames);
    const day = await hitRates(stack, conversationDay(conversations, language, prompts), language);
    return {
      title: `Speech cache, fixed engines, ${language}, ${turns} phrases each`,
      rows: compared.rows,
      more: [
        { title: `Clauses found in the cache on a day of ${conversations} conversations`, rows: day.rows },
      ],
      json: { options, firstFrameMs: compared.json, day: day.json },
    };
  } finally {
    await stack.close();
  }
}

/** @returns for each phrase that one call had: ms from the model's answer to its first frame */
async function phrasesOfCall(
  stack: BenchStack,
  { name, agentName }: Contestant,
  { language, phrases, from }: { language: Language; phrases: readonly string[]; from: number },
): Promise<number[]> {
  const engines = stack.fixedEngines;
  if (engines === undefined) throw new Error('the cache is measured on engines with fixed delays');
  const { dataTools } = CONVERSATIONS[language];
  const call = await startCall(stack, { agentName, language, dataTools });
  try {
    await greeting(call);
    const waits: number[] = [];
    for (let said = 0; said < TURNS_PER_CALL; said += 1) {
      await engines.answers(phrases[(from + said) % phrases.length] ?? '');
      const waitMs = await modelToSound(call.caller, engines, name);
      if (waitMs !== undefined) waits.push(waitMs);
    }
    return waits;
  } finally {
    await call.hangUp();
  }
}

/** @returns last byte of the model's answer → the first sound at the caller, ms; undefined when none came */
async function modelToSound(
  caller: Caller,
  engines: FixedEnginesClient,
  name: string,
): Promise<number | undefined> {
  const askedAt = performance.now();
  await caller.room.localParticipant?.sendText('¿?', { topic: 'lk.chat' });
  const soundAt = await caller
    .until(() => caller.firstSoundAfter(askedAt), ANSWER_TIMEOUT_MS, 'the phrase')
    .catch(() => undefined);
  await caller.quiet(ANSWER_TIMEOUT_MS).catch(() => undefined);
  const answers = (await engines.requests()).filter(({ kind, by }) => kind === 'llm' && by === name);
  const answeredAt = answers.at(-1)?.answeredAt;
  if (soundAt === undefined || answeredAt === undefined) return undefined;
  return performance.timeOrigin + soundAt - answeredAt;
}

/**
 * What no pipeline can save: somebody else in the room gives a tone to a track that has been playing silence → its first
 * frame at the caller.
 */
async function mediaPath(stack: BenchStack, language: Language, times: number): Promise<number[]> {
  const open = await openBenchRoom(stack, { agentName: 'nobody', dataTools: {}, language });
  const caller = await Caller.join(open);
  const room = new Room();
  const source = new AudioSource(CALLER_SAMPLE_RATE, 1, FRAME_MS);
  const frame = (pcm: Int16Array) => new AudioFrame(pcm, CALLER_SAMPLE_RATE, 1, pcm.length);
  const samples = (CALLER_SAMPLE_RATE / 1000) * FRAME_MS;
  const silence = new Int16Array(samples);
  const tone = Int16Array.from(
    { length: samples },
    (_, at) => 8_000 * Math.sin((2 * Math.PI * 6 * at) / samples),
  );
  try {
    const { token } = await participantToken(stack.config, {
      room: caller.room.name ?? '',
      identity: 'tone',
    });
    await room.connect(open.url, token, { autoSubscribe: false, dynacast: false });
    const track = LocalAudioTrack.createAudioTrack('tone', source);
    await room.localParticipant?.publishTrack(
      track,
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
    );
    const waits: number[] = [];
    for (let time = 0; time < times; time += 1) {
      for (let at = 0; at < SILENCE_FRAMES; at += 1) await source.captureFrame(frame(silence));
      const givenAt = performance.now();
      for (let at = 0; at < TONE_FRAMES; at += 1) await source.captureFrame(frame(tone));
      const heardAt = await caller
        .until(() => caller.firstSoundAfter(givenAt), ANSWER_TIMEOUT_MS, 'the tone')
        .catch(() => undefined);
      if (heardAt !== undefined) waits.push(heardAt - givenAt);
    }
    return waits;
  } finally {
    await caller.hangUp();
    await room.disconnect();
    await source.close();
    await open.close();
  }
}

interface Tally {
  clauses: number;
  hits: number;
}

async function hitRates(
  { config }: BenchStack,
  day: ReadonlyArray<readonly Saying[]>,
  language: Language,
): Promise<{ rows: Rows; json: Record<string, Tally> }> {
  initializeLogger({ pretty: false, level: 'error' });
  const { tts: endpoint } = await resolveProviders(config);
  const { keep } = await phraseClauses(loadPrompts(language).phrases);
  const tallies = new Map<string, Tally>();
  const line = pLimit(LINES);
  await Promise.all(
    day.map((sayings) =>
      line(async () => {
        // A process for each call: it shares the disk with the others, not the memory.
        const cache = createSpeechCache(config);
        if (cache === undefined) throw new Error('the speech cache is switched off');
        const voice = createSpeech(config, { endpoint, language, cache, keep });
        for (const { kind, text } of sayings) {
          let [clauses, hits] = [0, 0];
          const count = (found: Lookup) => {
            clauses += 1;
            if (found !== 'miss') hits += 1;
          };
          cache.on('lookup', count);
          await say(voice, text);
          cache.off('lookup', count);
          for (const of of kind === 'answer' ? [kind] : [kind, OWN_PHRASES]) {
            const tally = tallies.get(of) ?? { clauses: 0, hits: 0 };
            tallies.set(of, { clauses: tally.clauses + clauses, hits: tally.hits + hits });
          }
        }
      }),
    ),
  );
  const rows = [...tallies].map(([said, { clauses, hits }]) => ({
    said,
    clauses,
    'found in the cache': hits,
    'hit rate': `${Math.round((hits / clauses) * 100)} %`,
  }));
  return { rows, json: Object.fromEntries(tallies) };
}

/** Greetings, fillers and fallback sentences together. */
const OWN_PHRASES = 'all but answers';

async function say(voice: SpeechTTS, text: string): Promise<void> {
  const stream = voice.stream();
  stream.pushText(text);
  stream.endInput();
  for await (const _audio of stream);
}
