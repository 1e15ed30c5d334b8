import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioFrame } from '@livekit/rtc-node';
import { execa } from 'execa';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import wavefile from 'wavefile';
import { recordCall } from '../../../src/agent/recording/call-recorder.ts';
import {
  createRecordingDelivery,
  deliverRecordingsAlways,
} from '../../../src/agent/recording/deliver-recordings.ts';
import {
  listOutgoing,
  type OutgoingRecording,
  ownRecording,
  recordingLength,
} from '../../../src/agent/recording/outgoing-recording.ts';
import { TappedSink } from '../../../src/agent/recording/tapped-sink.ts';
import { ffmpegPath } from '../../../src/agent/sound/ffmpeg.ts';
import { createCallStore } from '../../../src/calls/call-store.ts';
import { createRecordingStore, type RecordingStore } from '../../../src/calls/recording-store.ts';
import { type Config, loadConfig } from '../../../src/config/config.ts';
import { recordingFiles } from '../../../src/store/recording-files.ts';
import type { Store } from '../../../src/store/store.ts';
import { addSession, numbered, started } from '../../support/call-events.ts';
import { type FaultyProxy, startFaultyProxy } from '../../support/faulty-proxy.ts';
import { logLines } from '../../support/log-lines.ts';
import { openTestStore } from '../../support/store.ts';
import { buildTestServer } from '../../support/test-server.ts';
import { TestRoom } from '../room.ts';

const keys = {
  NODE_ENV: 'test',
  HOST: '0.0.0.0',
  LIVEKIT_API_KEY: 'testkey',
  LIVEKIT_API_SECRET: 'a-secret-of-the-tests-on-loopback-only',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
};
const SAMPLE_RATE = 24_000;

let store: Store;
let app: FastifyInstance;
let recordings: RecordingStore;
let proxy: FaultyProxy;
let kept: string;
let home: string;
let env: Record<string, string>;
let config: Config;
let lines: ReturnType<typeof logLines>;
let counted: string[];

beforeAll(async () => {
  kept = await mkdtemp(join(tmpdir(), 'charla-kept-'));
  store = await openTestStore();
  await addSession(store, 's1', 'ana');
  for (const id of ['c1', 'c2']) await createCallStore(store).take(id, numbered([started('s1')]));
  const apiConfig = loadConfig({ ...keys, CHARLA_HOME: kept });
  recordings = createRecordingStore(store, recordingFiles(apiConfig));
  app = await buildTestServer({ config: apiConfig, store });
  proxy = await startFaultyProxy(await app.listen({ host: '127.0.0.1', port: 0 }));
});
afterAll(async () => {
  await proxy?.close();
  await app?.close();
  await store?.close();
  await rm(kept, { recursive: true, force: true });
});
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'charla-recording-'));
  env = { ...keys, CHARLA_HOME: home, API_URL: proxy.url };
  config = loadConfig(env);
  lines = logLines();
  counted = [];
});
afterEach(async () => {
  proxy.fault = 'ok';
  await rm(home, { recursive: true, force: true });
});

/** A sink like that of a room: it plays in real time. */
function voiceSink(): TappedSink {
  let until = 0;
  return new TappedSink({
    captureFrame: async ({ samplesPerChannel, sampleRate }) => {
      until = Math.max(until, performance.now()) + (samplesPerChannel / sampleRate) * 1000;
    },
    clearQueue: () => {
      until = 0;
    },
    waitForPlayout: async () => undefined,
    get queuedDuration() {
      return Math.max(0, until - performance.now());
    },
  });
}
/** A tone: Opus leaves out what stands still. */
const frame = (ms: number) => {
  const samples = (ms * SAMPLE_RATE) / 1000;
  const pcm = Int16Array.from({ length: samples }, (_, at) => 8_000 * Math.sin((at * 2 * Math.PI) / 60));
  return new AudioFrame(pcm, SAMPLE_RATE, 1, samples);
};
const record = (callId: string, format: 'ogg' | 'wav', more: Partial<Config> = {}, voice = voiceSink()) =>
  recordCall({
    config: { ...config, ...more },
    callId,
    format,
    room: new TestRoom().asRoom(),
    voice,
    record: (_name, _value, { result }) => counted.push(String(result)),
    log: lines.log,
  });
/** Two channels, interleaved. */
async function decode({ path }: Pick<OutgoingRecording, 'path'>): Promise<Int16Array> {
  const args = ['-loglevel', 'error', '-i', path, '-f', 's16le', '-ar', String(SAMPLE_RATE), 'pipe:1'];
  const { stdout } = await execa(ffmpegPath(), args, { encoding: 'buffer' });
  return new Int16Array(stdout.slice().buffer);
}
async function onlyOne(): Promise<OutgoingRecording> {
  const [one, ...others] = await listOutgoing(config);
  if (one === undefined || others.length > 0) throw new Error(`${others.length + Number(one !== undefined)}`);
  return one;
}
/** Says half a second, of which the caller hears so much. */
async function recorded(callId: string, format: 'ogg' | 'wav', heardMs = 500): Promise<OutgoingRecording> {
  const voice = voiceSink();
  const end = record(callId, format, {}, voice);
  void voice.captureFrame(frame(500));
  await sleep(heardMs);
  if (heardMs < 500) voice.clearQueue();
  await sleep(100);
  await end();
  return onlyOne();
}

describe.each(['ogg', 'wav'] as const)('a recording as %s', (format) => {
  it('is a file that only this user may read, with the agent on the right', async () => {
    const one = await recorded('c1', format);
    expect(one).toMatchObject({ callId: 'c1', format });
    expect((await stat(one.path)).mode & 0o777).toBe(0o600);
    const pcm = await decode(one);
    const length = await recordingLength(one);
    expect(Math.abs((length?.durationMs ?? 0) - (pcm.length / 2 / SAMPLE_RATE) * 1000)).toBeLessThan(60);
    const loud = (channel: number) =>
      pcm.filter((at, index) => index % 2 === channel && Math.abs(at) > 2_000).length;
    expect(loud(0)).toBe(0);
    expect(loud(1)).toBeGreaterThan(0.3 * SAMPLE_RATE);
    expect(counted).toEqual(['kept']);
  });

  it('is readable as far as it came when its process is killed, and is then delivered', async () => {
    const script = join(import.meta.dirname, 'fixtures/record-and-wait.ts');
    const child = execa(process.execPath, ['--import', 'tsx', script, 'c2', format], { env, reject: false });
    const lengthNow = async () => {
      const [one] = await listOutgoing(config);
      return one === undefined ? 0 : ((await recordingLength(one))?.durationMs ?? 0);
    };
    try {
      await expect.poll(lengthNow, { timeout: 20_000 }).toBeGreaterThan(900);
      // While its process lives it is nobody else's.
      await createRecordingDelivery(config, lines.log).deliver();
      expect(await recordings.list('c2')).toEqual([]);
    } finally {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    const one = await onlyOne();
    const before = Date.now() - 60_000;
    await utimes(`${one.path}.lock`, new Date(before), new Date(before));
    await expect
      .poll(async () => (await decode(one)).length, { timeout: 10_000 })
      .toBeGreaterThan(0.8 * SAMPLE_RATE * 2);
    await createRecordingDelivery(config, lines.log).deliver();
    const [there] = await recordings.list('c2');
    expect(there?.format).toBe(format);
    expect(there?.durationMs).toBeGreaterThan(900);
    expect(await listOutgoing(config)).toEqual([]);
    await recordings.delete('c2', there?.id ?? '');
  });
});

describe('a recording', () => {
  it('has what the caller heard of the agent, and not what was taken back', async () => {
    const one = await recorded('c1', 'wav', 200);
    const wav = new wavefile.WaveFile(await readFile(one.path));
    const samples = wav.getSamples(false, Int16Array) as unknown as Int16Array[];
    const heard = samples[1]?.filter((sample) => sample !== 0).length ?? 0;
    expect(heard).toBeGreaterThan(0.15 * SAMPLE_RATE);
    expect(heard).toBeLessThan(0.45 * SAMPLE_RATE);
  });

  it('ends where RECORDINGS_MAX_MB says, and the call goes on', async () => {
    const end = record('c1', 'wav', { RECORDINGS_MAX_MB: 0.01 });
    await expect.poll(() => counted, { timeout: 10_000 }).toEqual(['failed']);
    await end();
    const said = lines.lines.filter((line) => line.includes('recording of the call ends here'));
    expect(said.length).toBe(1);
    expect((await recordingLength(await onlyOne()))?.durationMs).toBeGreaterThan(0);
  });

  it('ends where nothing more can be written, and the call goes on', async () => {
    const ffmpeg = process.env.LIVEKIT_FFMPEG_PATH;
    process.env.LIVEKIT_FFMPEG_PATH = '/bin/false';
    try {
      const voice = voiceSink();
      const end = record('c1', 'ogg', {}, voice);
      await expect.poll(() => counted, { timeout: 10_000 }).toEqual(['failed']);
      await voice.captureFrame(frame(20));
      await end();
      expect(counted).toEqual(['failed']);
      expect(lines.lines.filter((line) => line.includes('ffmpeg ended with 1')).length).toBe(1);
    } finally {
      delete process.env.LIVEKIT_FFMPEG_PATH;
      if (ffmpeg !== undefined) process.env.LIVEKIT_FFMPEG_PATH = ffmpeg;
    }
  });
});

describe('what was recorded', () => {
  it('comes to the API, and is then on this disk no more', async () => {
    const one = await recorded('c1', 'ogg');
    const sound = await readFile(one.path);
    await createRecordingDelivery(config, lines.log).deliver();
    const [there] = await recordings.list('c1');
    if (there === undefined) throw new Error(lines.lines.join(''));
    expect(there).toMatchObject({ id: one.id, bytes: sound.length, createdAt: one.startedAt });
    expect(await readFile(join(kept, there.file))).toEqual(sound);
    expect(await listOutgoing(config)).toEqual([]);
    await recordings.delete('c1', one.id);
  });

  it('waits while no API takes it, and comes once, also where an answer was lost', async () => {
    const one = await recorded('c1', 'wav');
    for (const fault of ['down', '503', 'answer lost'] as const) {
      proxy.fault = fault;
      await createRecordingDelivery(config, lines.log).deliver();
      expect((await listOutgoing(config)).length).toBe(1);
    }
    proxy.fault = 'ok';
    await createRecordingDelivery(config, lines.log).deliver();
    expect((await recordings.list('c1')).map(({ id }) => id)).toEqual([one.id]);
    expect(await listOutgoing(config)).toEqual([]);
    await recordings.delete('c1', one.id);
  });

  it('is not tried again at once, and is delivered before a worker ends', async () => {
    const one = await recorded('c1', 'wav');
    proxy.fault = 'down';
    const delivery = createRecordingDelivery(config, lines.log);
    await delivery.deliver();
    proxy.fault = 'ok';
    await delivery.deliver();
    expect((await listOutgoing(config)).length).toBe(1);
    await deliverRecordingsAlways(config, lines.log)(5_000);
    expect((await recordings.list('c1')).map(({ id }) => id)).toEqual([one.id]);
    await recordings.delete('c1', one.id);
  });

  it('of a call that is deleted is deleted, once nobody can tell of it any more', async () => {
    const one = await recorded('c-deleted', 'wav');
    await createRecordingDelivery(config, lines.log).deliver();
    expect((await listOutgoing(config)).length).toBe(1);
    const before = new Date(Date.now() - 120_000);
    await utimes(one.path, before, before);
    await createRecordingDelivery(config, lines.log).deliver();
    expect(await listOutgoing(config)).toEqual([]);
  });

  it('is dropped after a week, and left to the worker that has it', async () => {
    const one = await recorded('c1', 'wav');
    proxy.fault = 'down';
    const weekAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
    await utimes(one.path, weekAgo, weekAgo);
    const release = await ownRecording(one);
    await createRecordingDelivery(config, lines.log).deliver();
    expect((await listOutgoing(config)).length).toBe(1);
    await release?.();
    await createRecordingDelivery(config, lines.log).deliver();
    expect(await listOutgoing(config)).toEqual([]);
  });
});
