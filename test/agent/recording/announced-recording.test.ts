import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AnnouncedRecording } from '../../../src/agent/recording/announced-recording.ts';
import { listOutgoing } from '../../../src/agent/recording/outgoing-recording.ts';
import { TappedSink } from '../../../src/agent/recording/tapped-sink.ts';
import { type Config, loadConfig } from '../../../src/config/config.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { TestRoom } from '../room.ts';

const NOTICE = 'Esta llamada se graba.';
const RECORDED = { enabled: true, format: 'wav', consent: true } as const;
const HEARD = { interrupted: false, playbackPosition: 1.5 };

let home: string;
let config: Config;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'charla-announced-'));
  config = loadConfig({ CHARLA_HOME: home });
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A session that says what it is told to when the test lets it. */
function call() {
  const session = new EventEmitter();
  const output = new EventEmitter();
  const said: string[] = [];
  let done: () => void = () => undefined;
  const say = (text: string) => {
    said.push(text);
    return { waitForPlayout: () => new Promise<void>((resolve) => (done = resolve)) };
  };
  const recording = new AnnouncedRecording({
    config,
    callId: 'c1',
    room: new TestRoom().asRoom(),
    voice: new TappedSink({
      captureFrame: async () => undefined,
      clearQueue: () => undefined,
      waitForPlayout: async () => undefined,
      queuedDuration: 0,
    }),
    session: Object.assign(session, { say }) as unknown as voice.AgentSession,
    output: output as unknown as voice.AudioOutput,
    currentSpeech: () => undefined,
    notice: NOTICE,
    record: () => undefined,
    log: createLogger('test', 'silent'),
  });
  return {
    recording,
    said,
    finish: (event: object) => {
      output.emit(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, event);
      done();
    },
    fail: () => session.emit(voice.AgentSessionEventTypes.Error, {}),
    endSpeech: () => done(),
  };
}
const files = async () => (await listOutgoing(config)).length;
const soon = () => new Promise((resolve) => setTimeout(resolve, 100));

describe('the recording of a call', () => {
  it('begins when the caller has heard that it is made, and not before; once', async () => {
    const { recording, said, finish } = call();
    recording.use(RECORDED);
    // Before anything that is said next.
    expect(said).toEqual([NOTICE]);
    await soon();
    expect(await files()).toBe(0);
    finish(HEARD);
    await expect.poll(files).toBe(1);
    recording.use(RECORDED);
    await recording.close();
    expect([said.length, await files()]).toEqual([1, 1]);
  });

  it.each([
    ['was cut off', ({ finish }: ReturnType<typeof call>) => finish({ ...HEARD, interrupted: true })],
    ['made no sound', ({ endSpeech }: ReturnType<typeof call>) => endSpeech()],
    [
      'failed, and another sentence was heard in its place',
      ({ fail, finish }: ReturnType<typeof call>) => {
        fail();
        finish(HEARD);
      },
    ],
  ])('is not made where the notice %s', async (_how, happens) => {
    const one = call();
    one.recording.use(RECORDED);
    happens(one);
    await soon();
    await one.recording.close();
    expect(await files()).toBe(0);
  });

  it('is not made where the caller hangs up over the notice', async () => {
    const { recording, finish } = call();
    recording.use(RECORDED);
    const closed = recording.close();
    finish({ ...HEARD, interrupted: true });
    await closed;
    expect(await files()).toBe(0);
  });

  it('is not made, and not announced, where the profile says nothing or no', async () => {
    const { recording, said } = call();
    recording.use(undefined);
    recording.use({ ...RECORDED, enabled: false });
    await recording.close();
    expect([said, await files()]).toEqual([[], 0]);
  });

  it('is made without a word where the profile says so', async () => {
    const { recording, said } = call();
    recording.use({ ...RECORDED, consent: false });
    await expect.poll(files).toBe(1);
    await recording.close();
    expect(said).toEqual([]);
  });
});
