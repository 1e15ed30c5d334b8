import {
  APIConnectionError,
  type APIConnectOptions,
  llm,
  stt,
  VAD,
  type VADEvent,
  VADEventType,
  VADStream,
  voice,
} from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { vi } from 'vitest';
import { Assistant } from '../../../src/agent/assistant.ts';
import { speakFailures } from '../../../src/agent/failures.ts';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { Filler } from '../../../src/agent/turns/filler.ts';
import { InterruptibleOutput, type SoundSink } from '../../../src/agent/turns/interruptible-output.ts';
import { OpenSpeeches } from '../../../src/agent/turns/open-speeches.ts';
import { Overlap } from '../../../src/agent/turns/overlap.ts';
import { Pauses } from '../../../src/agent/turns/pauses.ts';
import { TurnDetector } from '../../../src/agent/turns/turn-detector.ts';
import { turnHandling } from '../../../src/agent/turns/turn-handling.ts';
import { type Stuck, Watchdog } from '../../../src/agent/turns/watchdog.ts';
import { SpeechTTS } from '../../../src/providers/tts/speech-tts.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { TestRoom } from '../room.ts';

const WINDOW_MS = 32;
/** As in `job.ts`. */
const SILENCE_MS = 250;
const SPEECH_MS = 50;
const SAMPLE_RATE = 24_000;
const FRAME_MS = 20;
/** The time limits that the real parts have, ms; an engine slower than {@link HANGS_MS} gets past them. */
const TTS_LIMIT_MS = 8_000;
const STT_LIMIT_MS = 6_000;
const HANGS_MS = 1_000_000;
/** Speech without a pause is transcribed in pieces of this length, ms. */
const LONGEST_UTTERANCE_MS = 25_000;
/** What the voice takes for a letter of text. */
const SOUND_MS_PER_CHAR = 60;

/** How an engine does its next work. */
export interface Engine {
  delayMs: number;
  fails: boolean;
}

export interface Heard {
  from: number;
  to: number;
  text: string;
}

/**
 * A call in fake time (`vi.useFakeTimers()` first): the framework's session with our own parts for turn taking, and
 * engines and a caller that do as they are told. No process, no model, no room.
 */
export class FakeCall {
  readonly prompts = loadPrompts('es');
  readonly engines: Record<'stt' | 'llm' | 'tts', Engine> = {
    stt: { delayMs: 100, fails: false },
    llm: { delayMs: 100, fails: false },
    tts: { delayMs: 100, fails: false },
  };
  /** What the agent was heard saying, in ms of fake time. */
  readonly sounds: Heard[] = [];
  /** What the model was asked, the caller's last message. */
  readonly asked: string[] = [];
  readonly stuck: Stuck[] = [];
  /** The caller's turns as the session took them, and when. */
  readonly turns: { at: number; text: string }[] = [];
  readonly session: voice.AgentSession;
  readonly #mouth = new Mouth();
  /** When the caller spoke. */
  readonly #spoken: { from: number; to: number }[] = [];
  readonly #assistant: Assistant;

  constructor() {
    const mouth = this.#mouth;
    const vad = new FakeVad(mouth);
    const overlap = new Overlap(this.prompts.backchannels);
    const pauses = new Pauses();
    // What the audio model says of most pauses.
    const executor = { doInference: async () => ({ probability: 0.3, inferenceDurationMs: 20 }) };
    const detector = new TurnDetector({ language: 'es', pauses, shape: true, executor });
    const speeches = new OpenSpeeches();
    const log = createLogger('test', 'silent');
    const output = new InterruptibleOutput(new FakeSink(this.sounds), {
      sampleRate: SAMPLE_RATE,
      audience: Promise.resolve(),
    });
    mouth.onVoice = () => {
      detector.voice();
      output.hold();
    };
    const session = new voice.AgentSession({
      vad,
      stt: new FakeStt(vad, mouth, this.engines.stt, (words) => overlap.ignores(words)),
      llm: new FakeLlm(this.engines.llm, this.asked),
      tts: new FakeTts(this.engines.tts, this.prompts.phrases.filler),
      turnHandling: turnHandling({ detector, preemptive: true, turnLimit: true }),
      aecWarmupDuration: null,
      transcriptionTimeout: 8_000,
      connOptions: {
        llmConnOptions: { maxRetry: 0, retryIntervalMs: 200, timeoutMs: 20_000 },
        ttsConnOptions: { maxRetry: 0, retryIntervalMs: 200, timeoutMs: 20_000 },
        maxUnrecoverableErrors: Number.POSITIVE_INFINITY,
      },
    });
    this.session = session;
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type !== 'message' || item.role !== 'user') return;
      this.turns.push({ at: performance.now(), text: item.textContent ?? '' });
    });
    const { phrases } = this.prompts;
    detector.follow(session);
    pauses.follow(session, SILENCE_MS);
    overlap.follow(session);
    speeches.follow(session);
    const filler = new Filler({
      phrase: phrases.filler,
      log,
      speeches,
      awaitsWords: () => detector.awaitsWords,
      silenceMs: SILENCE_MS,
    });
    filler.follow(session);
    const onStuck = (how: Stuck) => this.stuck.push(how);
    new Watchdog({ log, speeches, gaveUp: phrases.model_failed, onStuck }).follow(session);
    speakFailures(session, new TestRoom().asRoom(), phrases, log);
    session.output.audio = output;
    this.#assistant = new Assistant({
      project: 'Charla',
      prompts: this.prompts,
      known: { data: '', greeting: 'Hola.' },
      caller: Promise.resolve(true),
      log,
      warm: async () => undefined,
      modelUrl: 'http://model',
      historyChars: 7_000,
      filler,
      onWords: (text) => overlap.agentSays(text),
      onModelSilent: () => undefined,
    });
  }

  /** Starts the session and hears the greeting out. */
  async start(): Promise<this> {
    await this.session.start({ agent: this.#assistant });
    await this.passes(2_500);
    return this;
  }

  /** Time passes. */
  async passes(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= WINDOW_MS) {
      await vi.advanceTimersByTimeAsync(Math.min(left, WINDOW_MS));
    }
  }

  /** The longest that the agent was heard while the caller spoke, ms. */
  longestOver(): number {
    const over = this.sounds.flatMap((sound) =>
      this.#spoken.map(({ from, to }) => Math.min(sound.to, to) - Math.max(sound.from, from)),
    );
    return Math.max(0, ...over);
  }

  /** The caller speaks. @param words - what the transcriber will understand; nothing for a noise */
  async says(words: string, ms = Math.max(300, words.length * 50)): Promise<void> {
    const from = this.now;
    this.#mouth.begin(words);
    await this.passes(ms);
    this.#mouth.end();
    this.#spoken.push({ from, to: this.now });
  }

  /** When the agent was heard first after a time; undefined when it was not. */
  heardAfter(at: number): Heard | undefined {
    return this.sounds.find(({ from }) => from >= at);
  }

  /** What was heard from a time on, as text. */
  textAfter(at: number): string {
    return this.sounds
      .filter(({ from }) => from >= at)
      .map(({ text }) => text)
      .join(' ');
  }

  /** The conversation as the session has it. */
  get history(): string[] {
    return this.session.chatCtx.items.flatMap((item) =>
      item.type === 'message' && item.role !== 'system' ? [`${item.role}: ${item.textContent?.trim()}`] : [],
    );
  }

  get now(): number {
    return performance.now();
  }

  async hangUp(): Promise<void> {
    this.#mouth.stop();
    const closed = this.session.close();
    await this.passes(20_000);
    await closed;
  }
}

/** The caller's mouth and the air: a window of 32 ms after another, voice or not. */
class Mouth {
  readonly #ears = new Set<(voice: boolean) => void>();
  readonly #timer: NodeJS.Timeout;
  onVoice: () => void = () => undefined;
  #voice = false;
  #words: string[] = [];

  constructor() {
    this.#timer = setInterval(() => {
      if (this.#voice) this.onVoice();
      for (const ear of this.#ears) ear(this.#voice);
    }, WINDOW_MS);
  }

  begin(words: string): void {
    this.#voice = true;
    this.#words.push(words);
  }

  end(): void {
    this.#voice = false;
  }

  /** What was said since this was asked last. */
  takeWords(): string {
    const words = this.#words.join(' ').trim();
    this.#words = this.#voice ? [''] : [];
    return words;
  }

  listen(ear: (voice: boolean) => void): void {
    this.#ears.add(ear);
  }

  leave(ear: (voice: boolean) => void): void {
    this.#ears.delete(ear);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Speaks and falls silent as Silero's does (`vad.ts` of @livekit/agents-plugin-silero 1.9.0), told by the air. */
class FakeVad extends VAD {
  override label = 'fake.Vad';
  readonly #mouth: Mouth;

  constructor(mouth: Mouth) {
    super({ updateInterval: WINDOW_MS });
    this.#mouth = mouth;
  }

  override get minSilenceDuration(): number {
    return SILENCE_MS;
  }

  override stream(): VADStream {
    return new FakeVadStream(this, this.#mouth);
  }
}

class FakeVadStream extends VADStream {
  readonly #mouth: Mouth;
  readonly #ear = (voice: boolean) => this.#window(voice);
  #speaking = false;
  #speechMs = 0;
  #silenceMs = 0;
  #speakingMs = 0;
  #quietMs = 0;

  constructor(vad: VAD, mouth: Mouth) {
    super(vad);
    this.#mouth = mouth;
    mouth.listen(this.#ear);
  }

  override close(): void {
    this.#mouth.leave(this.#ear);
    super.close();
  }

  #window(voice: boolean): void {
    if (this.#speaking) this.#speakingMs += WINDOW_MS;
    else this.#quietMs += WINDOW_MS;
    this.#put(VADEventType.INFERENCE_DONE, voice);
    if (voice) {
      this.#speechMs += WINDOW_MS;
      this.#silenceMs = 0;
      if (this.#speaking || this.#speechMs < SPEECH_MS) return;
      this.#speaking = true;
      this.#quietMs = 0;
      this.#speakingMs = this.#speechMs;
      this.#put(VADEventType.START_OF_SPEECH, voice);
    } else {
      this.#silenceMs += WINDOW_MS;
      this.#speechMs = 0;
      if (!this.#speaking || this.#silenceMs <= SILENCE_MS) return;
      this.#speaking = false;
      this.#speakingMs = 0;
      this.#quietMs = this.#silenceMs;
      this.#put(VADEventType.END_OF_SPEECH, voice);
    }
  }

  #put(type: VADEventType, voice: boolean): void {
    const event: VADEvent = {
      type,
      samplesIndex: 0,
      timestamp: performance.now(),
      speechDuration: this.#speakingMs,
      silenceDuration: this.#quietMs,
      frames: [],
      probability: voice ? 1 : 0,
      inferenceDuration: 0,
      speaking: this.#speaking,
      rawAccumulatedSilence: this.#silenceMs,
      rawAccumulatedSpeech: this.#speechMs,
    };
    this.outputWriter.write(event).catch(() => undefined);
  }
}

/** Understands what was said when a pause has ended it, as late or as badly as its engine. */
class FakeStt extends stt.STT {
  override label = 'fake.Stt';
  readonly #vad: FakeVad;
  readonly #mouth: Mouth;
  readonly #engine: Engine;
  readonly #ignores: (words: string) => boolean;

  constructor(vad: FakeVad, mouth: Mouth, engine: Engine, ignores: (words: string) => boolean) {
    super({ streaming: true, interimResults: false, alignedTranscript: false });
    this.#vad = vad;
    this.#mouth = mouth;
    this.#engine = engine;
    this.#ignores = ignores;
  }

  override stream(): stt.SpeechStream {
    const vad = this.#vad.stream();
    return new FakeSttStream(this, vad, () => this.#transcribe());
  }

  protected override async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error('streams only');
  }

  /** @returns undefined when it was nothing, or failed */
  async #transcribe(): Promise<stt.SpeechEvent | undefined> {
    const said = this.#mouth.takeWords();
    const { delayMs, fails } = this.#engine;
    await sleep(Math.min(delayMs, STT_LIMIT_MS));
    if (fails || delayMs > STT_LIMIT_MS) {
      this.emit('error', {
        type: 'stt_error',
        timestamp: Date.now(),
        label: this.label,
        error: new Error('fails as told'),
        recoverable: true,
      });
      return undefined;
    }
    this.emit('metrics_collected', {
      type: 'stt_metrics',
      requestId: '',
      timestamp: Date.now(),
      durationMs: delayMs,
      label: this.label,
      audioDurationMs: 0,
      streamed: false,
    });
    const text = this.#ignores(said) ? '' : said;
    if (text === '') return undefined;
    const alternative = { text, language: 'es' as stt.SpeechData['language'], startTime: 0, endTime: 0 };
    return {
      type: stt.SpeechEventType.FINAL_TRANSCRIPT,
      alternatives: [{ ...alternative, confidence: 1 }],
    };
  }
}

class FakeSttStream extends stt.SpeechStream {
  override label = 'fake.SttStream';
  readonly #vad: VADStream;
  readonly #transcribe: () => Promise<stt.SpeechEvent | undefined>;

  constructor(owner: stt.STT, vad: VADStream, transcribe: () => Promise<stt.SpeechEvent | undefined>) {
    super(owner);
    this.#vad = vad;
    this.#transcribe = transcribe;
  }

  override close(): void {
    this.#vad.close();
    super.close();
  }

  protected override async run(): Promise<void> {
    let delivered = Promise.resolve();
    let beganAt = 0;
    for await (const { type, speaking } of this.#vad) {
      if (type === VADEventType.START_OF_SPEECH) beganAt = performance.now();
      const ended = type === VADEventType.END_OF_SPEECH;
      const tooLong = speaking && !ended && performance.now() - beganAt > LONGEST_UTTERANCE_MS;
      if (!ended && !tooLong) continue;
      beganAt = performance.now();
      const event = this.#transcribe();
      delivered = delivered.then(async () => {
        const transcript = await event;
        if (transcript !== undefined && !this.queue.closed) this.queue.put(transcript);
      });
    }
    await delivered;
  }
}

/** Repeats the question. */
class FakeLlm extends llm.LLM {
  readonly #engine: Engine;
  readonly #asked: string[];

  constructor(engine: Engine, asked: string[]) {
    super();
    this.#engine = engine;
    this.#asked = asked;
  }

  override label(): string {
    return 'fake.Llm';
  }

  override chat(options: {
    chatCtx: llm.ChatContext;
    toolCtx?: llm.ToolContextLike;
    connOptions?: APIConnectOptions;
  }): llm.LLMStream {
    const {
      chatCtx,
      toolCtx,
      connOptions = { maxRetry: 0, retryIntervalMs: 1, timeoutMs: 20_000 },
    } = options;
    const question = chatCtx.items.findLast((item) => item.type === 'message' && item.role === 'user');
    const text = question?.type === 'message' ? (question.textContent ?? '') : '';
    this.#asked.push(text);
    const parts = { chatCtx, connOptions, ...(toolCtx !== undefined && { toolCtx }) };
    return new FakeLlmStream(this, parts, this.#engine, `Dices: ${text}`);
  }
}

class FakeLlmStream extends llm.LLMStream {
  readonly #engine: Engine;
  readonly #answer: string;

  constructor(
    owner: llm.LLM,
    parts: ConstructorParameters<typeof llm.LLMStream>[1],
    engine: Engine,
    answer: string,
  ) {
    super(owner, parts);
    this.#engine = { ...engine };
    this.#answer = answer;
  }

  protected override async run(): Promise<void> {
    await sleep(this.#engine.delayMs);
    if (this.#engine.fails) throw new Error('fails as told');
    for (const word of this.#answer.split(' ')) {
      if (this.queue.closed) return;
      this.queue.put({ id: 'answer', delta: { role: 'assistant', content: `${word} ` } });
      await sleep(20);
    }
  }
}

/** The voice as it is, with a server that is none. Its sound carries what it says: see {@link FakeSink}. */
class FakeTts extends SpeechTTS {
  readonly #engine: Engine;
  readonly #cached: string;

  /** @param cached - a phrase that is in the speech cache */
  constructor(engine: Engine, cached: string) {
    const endpoint = { kind: 'local', baseUrl: 'http://voice/v1', apiKey: 'none', model: 'fake' } as const;
    super({ endpoint: { ...endpoint, voices: { es: 'a', en: 'b' } }, language: 'es' });
    this.#engine = engine;
    this.#cached = cached;
  }

  override async *speak(clause: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { delayMs, fails } = this.#engine;
    const text = clause.trim();
    if (!this.#cached.includes(text)) {
      await sleep(delayMs > TTS_LIMIT_MS && delayMs < HANGS_MS ? TTS_LIMIT_MS : delayMs);
      if (fails || delayMs > TTS_LIMIT_MS) throw new APIConnectionError({ message: 'fails as told' });
    }
    const frames = Math.ceil((text.length * SOUND_MS_PER_CHAR) / FRAME_MS);
    for (let index = 0; index < frames && signal?.aborted !== true; index += 1) {
      yield soundOf(index === 0 ? text : '');
    }
  }
}

/** What is said, by the loudness of the first frame. */
const TEXTS: string[] = [''];

function soundOf(text: string): Uint8Array {
  const samples = (SAMPLE_RATE * FRAME_MS) / 1000;
  return new Uint8Array(new Int16Array(samples).fill(text === '' ? 0 : TEXTS.push(text) - 1).buffer);
}

/** Plays in fake time and writes down what was heard. */
class FakeSink implements SoundSink {
  readonly #sounds: Heard[];
  #freeAt = 0;

  constructor(sounds: Heard[]) {
    this.#sounds = sounds;
  }

  get queuedDuration(): number {
    return Math.max(0, this.#freeAt - performance.now());
  }

  async captureFrame(frame: AudioFrame): Promise<void> {
    const from = Math.max(this.#freeAt, performance.now());
    this.#freeAt = from + FRAME_MS;
    const text = TEXTS[frame.data[0] ?? 0] ?? '';
    const last = this.#sounds.at(-1);
    if (text === '' && last !== undefined && from - last.to < 1) last.to = this.#freeAt;
    else this.#sounds.push({ from, to: this.#freeAt, text });
    await sleep(Math.max(0, this.queuedDuration - 100));
  }

  clearQueue(): void {
    const now = performance.now();
    this.#freeAt = now;
    while ((this.#sounds.at(-1)?.from ?? Number.NEGATIVE_INFINITY) >= now) this.#sounds.pop();
    const last = this.#sounds.at(-1);
    if (last !== undefined) last.to = Math.min(last.to, now);
  }

  async waitForPlayout(): Promise<void> {
    await sleep(this.queuedDuration);
  }
}

async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
