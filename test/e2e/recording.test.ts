import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import wavefile from 'wavefile';
import { z } from 'zod';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { ffmpegPath } from '../../src/agent/sound/ffmpeg.ts';
import { CALLER_SAMPLE_RATE, Caller, levelDb } from '../support/caller.ts';
import { type DevStack, fixedModels, type StartSessionAnswer, startDevStack } from '../support/dev-stack.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { callerSpeech } from '../support/speech.ts';

const { phrases } = loadPrompts('es');
const ANSWER = 'Claro, en el carrito hay una laptop y un mouse, y nada más que eso por ahora.';
const MS_PER_CHARACTER = 60;
const QUESTION = '¿Qué tengo en el carrito?';
/** The recording's own. */
const SAMPLE_RATE = 24_000;
const WINDOW = SAMPLE_RATE / 50;
/** Louder than this, somebody speaks. */
const SPEECH_DB = -40;
/** A shorter silence is part of what is said. */
const PAUSE_WINDOWS = 20;

const callSchema = z.looseObject({
  id: z.string(),
  ended_at: z.string().nullable(),
  turns: z.array(z.looseObject({ role: z.string(), text: z.string(), interrupted: z.boolean() })),
  recordings: z.array(
    z.object({
      id: z.string(),
      format: z.string(),
      bytes: z.number(),
      duration_ms: z.number(),
      created_at: z.string(),
    }),
  ),
});

let engines: FixedEngines;
let stack: DevStack;
let question: Int16Array;
const callers: Caller[] = [];

beforeAll(async () => {
  engines = await startFixedEngines({
    answer: ANSWER,
    transcript: QUESTION,
    msPerCharacter: MS_PER_CHARACTER,
  });
  stack = await startDevStack(fixedModels(engines, inject('stack').livekitUrl, 'recording'));
  question = await callerSpeech(inject('stack').inferenceUrl, QUESTION);
});
afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.hangUp()));
});
afterAll(async () => {
  await stack?.stop();
  await engines?.close();
});

const ask = (path: string, init?: RequestInit) => fetch(`${stack.apiUrl}${path}`, init);

/** A call of a session whose profile is like this. */
async function call(profile: string, settings: object): Promise<{ caller: Caller; sessionId: string }> {
  const json = { 'content-type': 'application/json' };
  const made = await ask(`/profiles/${profile}`, {
    method: 'PUT',
    headers: json,
    body: JSON.stringify(settings),
  });
  expect(made.status).toBe(201);
  const body = JSON.stringify({ user_id: 'ana', profile, data_tools: {} });
  const started = await ask('/session/start', { method: 'POST', headers: json, body });
  expect(started.status).toBe(201);
  const joined = (await started.json()) as StartSessionAnswer;
  const caller = await Caller.join(joined);
  callers.push(caller);
  return { caller, sessionId: joined.session_id };
}

/** The history of the only call of a session, once it is as it has to be. */
async function history(sessionId: string, isDone: (call: z.output<typeof callSchema>) => boolean) {
  const list = z.object({ items: z.array(z.object({ id: z.string() })) });
  let last: unknown;
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    const { items } = list.parse(await (await ask(`/calls?session_id=${sessionId}`)).json());
    const [first] = items;
    if (first !== undefined) {
      last = await (await ask(`/calls/${first.id}`)).json();
      const found = callSchema.parse(last);
      if (isDone(found)) return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the call did not come to that: ${JSON.stringify(last)}`);
}

/** When somebody speaks on a channel, ms. */
function spoken(pcm: Int16Array): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let at = 0; at + WINDOW <= pcm.length; at += WINDOW) {
    if (levelDb(pcm.subarray(at, at + WINDOW)) < SPEECH_DB) continue;
    const last = found.at(-1);
    const [from, to] = [(at / SAMPLE_RATE) * 1000, ((at + WINDOW) / SAMPLE_RATE) * 1000];
    if (last !== undefined && from - last.to <= PAUSE_WINDOWS * 20) last.to = to;
    else found.push({ from, to });
  }
  return found;
}

const channelOf = (pcm: Int16Array, channel: 0 | 1) => pcm.filter((_, index) => index % 2 === channel);
const lengths = (pieces: { from: number; to: number }[]) => pieces.map(({ from, to }) => to - from);

/** A greeting, a question and its answer, and nothing else: each where it was, and on its side. */
function expectConversation(pcm: Int16Array) {
  const [asked, ...noMore] = spoken(channelOf(pcm, 0));
  const [greeting, answer, ...nothing] = spoken(channelOf(pcm, 1));
  expect([noMore, nothing]).toEqual([[], []]);
  if (asked === undefined || greeting === undefined || answer === undefined) throw new Error('missing');
  expect(greeting.to).toBeLessThan(asked.from);
  expect(asked.to).toBeLessThan(answer.from);
  const [questionMs = 0, greeted = 0, answered = 0] = lengths([asked, greeting, answer]);
  expect(Math.abs(questionMs - (question.length / CALLER_SAMPLE_RATE) * 1000)).toBeLessThan(250);
  // The notice, which is longer, was before: nothing is recorded until it was said.
  expect(Math.abs(greeted - phrases.greeting.length * MS_PER_CHARACTER)).toBeLessThan(400);
  expect(answered).toBeGreaterThan(ANSWER.length * MS_PER_CHARACTER * 0.8);
}

describe('a recorded call', () => {
  it('is announced, and then has both sides where they were; it is listed, heard, and deleted', async () => {
    const { caller, sessionId } = await call('recorded', { recording: { enabled: true } });
    const greeted = await caller.greeted();
    expect(greeted.indexOf(phrases.recording_notice)).toBe(0);
    expect(greeted).toContain(phrases.greeting);
    await caller.ask(question);
    await caller.hangUp();
    callers.splice(0);

    const done = await history(sessionId, ({ recordings }) => recordings.length > 0);
    expect(done.turns[0]).toMatchObject({ role: 'assistant', text: phrases.recording_notice });
    const [recording, ...others] = done.recordings;
    if (recording === undefined) throw new Error('no recording');
    expect(others).toEqual([]);
    expect(recording.format).toBe('ogg');

    const path = `/calls/${done.id}/recordings/${recording.id}`;
    const whole = await ask(path);
    expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'audio/ogg']);
    const file = Buffer.from(await whole.arrayBuffer());
    expect(file.length).toBe(recording.bytes);
    const part = await ask(path, { headers: { range: 'bytes=4-9' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 4-9/${file.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(file.subarray(4, 10));

    const pcm = await decoded(file);
    expect(Math.abs(pcm.length / 2 / SAMPLE_RATE - recording.duration_ms / 1000)).toBeLessThan(0.1);
    expectConversation(pcm);

    expect((await ask(`/sessions/${sessionId}`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(path)).status).toBe(404);
  });

  it('can be a WAV file, without a notice where the profile says so', async () => {
    const recording = { enabled: true, format: 'wav', consent: false };
    const { caller, sessionId } = await call('recorded-as-wav', { recording });
    expect(await caller.greeted()).not.toContain(phrases.recording_notice);
    await caller.ask(question);
    await caller.hangUp();
    callers.splice(0);

    const done = await history(sessionId, ({ recordings }) => recordings.length > 0);
    const sound = await ask(`/calls/${done.id}/recordings/${done.recordings[0]?.id}`);
    const wav = new wavefile.WaveFile(new Uint8Array(await sound.arrayBuffer()));
    expect(wav.fmt).toMatchObject({ numChannels: 2, sampleRate: SAMPLE_RATE, bitsPerSample: 16 });
    expectConversation(new Int16Array(wav.getSamples(true, Int16Array) as unknown as Int16Array));
  });
});

describe('a call with a sound behind the agent', () => {
  it('has it between turns, and the caller can still cut in', async () => {
    // Softer than what counts as speech here, and louder than silence.
    const ambience = { sound: 'office', volume: 0.03 };
    const { caller, sessionId } = await call('in-an-office', { ambience, thinking_sound: 'keyboard' });
    await caller.greeted();
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(levelDb(caller.recording(since))).toBeGreaterThan(-75);
    expect(caller.agentState).toBe('listening');

    const askedAt = await caller.say(question);
    await caller.until(() => caller.firstSoundAfter(askedAt), 30_000, 'the answer');
    await caller.say(question);
    await caller.quiet();
    await caller.hangUp();
    callers.splice(0);
    const done = await history(sessionId, ({ ended_at }) => ended_at !== null);
    expect(done.turns.some(({ role, interrupted }) => role === 'assistant' && interrupted)).toBe(true);
    expect(done.recordings).toEqual([]);
  });

  it('is as silent as the line where the profile has none', async () => {
    const { caller } = await call('in-silence', {});
    await caller.greeted();
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(levelDb(caller.recording(since))).toBeLessThan(-85);
  });
});

/** Two channels, interleaved. */
async function decoded(file: Buffer): Promise<Int16Array> {
  const args = ['-loglevel', 'error', '-i', 'pipe:0', '-f', 's16le', '-ar', String(SAMPLE_RATE), 'pipe:1'];
  const { stdout } = await execa(ffmpegPath(), args, { input: file, encoding: 'buffer' });
  return new Int16Array(stdout.slice().buffer);
}
