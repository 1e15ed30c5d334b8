import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Room } from '@livekit/rtc-node';
import type { Config } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import type { RecordMetric } from '../../telemetry/call-metrics.ts';
import type { Logger } from '../../telemetry/log.ts';
import { hearPeople } from './hear-people.ts';
import { newRecording, ownRecording } from './outgoing-recording.ts';
import { openSoundFile, type SoundFile } from './sound-file.ts';
import { SoundTimeline } from './sound-timeline.ts';
import type { TappedSink } from './tapped-sink.ts';

const WRITE_MS = 1_000;
/** What was heard longer ago than this is final: sounds come later than they were heard, when the process is busy. */
const SETTLED_MS = 500;
/** A disk that is behind by more writes than this does not keep up. */
const MOST_WAITING = 30;

export interface CallRecorderOptions {
  config: Config;
  callId: string;
  format: 'ogg' | 'wav';
  room: Room;
  /** The agent's voice. */
  voice: TappedSink;
  record: RecordMetric;
  log: Logger;
}

/**
 * Records a call from now on into a file of its own, until it is closed: people on the left, the agent on the right, both
 * when they were heard. A disk that fails, or is full, ends the recording and not the call.
 *
 * @returns ends it: then the file is whole, and a worker's to deliver
 */
export function recordCall(options: CallRecorderOptions): () => Promise<void> {
  const { config, callId, format, room, voice, record, log } = options;
  const startedAt = performance.now();
  const outgoing = newRecording(config, { callId, id: randomUUID(), format, startedAt: new Date() });
  const timeline = new SoundTimeline(startedAt);
  voice.listen(timeline.source(1));
  const stopHearing = hearPeople(room, timeline);
  let release: (() => Promise<void>) | undefined;
  let file: SoundFile | undefined;
  let failed = false;
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;

  const stopListening = () => {
    clearInterval(timer);
    voice.listen(undefined);
    stopHearing();
  };
  const fail = (error: unknown) => {
    if (failed) return;
    failed = true;
    stopListening();
    record('recordings_total', 1, { result: 'failed' });
    log.error({ reason: messageOf(error) }, 'the recording of the call ends here; the call goes on');
  };
  const open = async () => {
    release = await ownRecording(outgoing);
    file = await openSoundFile(outgoing.path, format);
  };
  // What is heard meanwhile is on the timeline.
  let writing: Promise<void> = open().catch(fail);
  const write = (until: number) => {
    const pcm = timeline.take(until);
    waiting += 1;
    if (waiting > MOST_WAITING) fail(new Error('the disk does not keep up'));
    writing = writing.then(async () => {
      waiting -= 1;
      if (failed || pcm.length === 0) return;
      await file?.write(pcm).catch(fail);
      const { size } = await stat(outgoing.path);
      if (size > config.RECORDINGS_MAX_MB * 2 ** 20)
        fail(new Error('it is as long as RECORDINGS_MAX_MB allows'));
    });
    writing.catch(fail);
  };
  timer = setInterval(() => write(performance.now() - SETTLED_MS), WRITE_MS).unref();
  log.info({ format }, 'the call is being recorded');

  return async () => {
    stopListening();
    if (!failed) write(performance.now());
    await writing;
    await file?.close().catch(fail);
    if (!failed) record('recordings_total', 1, { result: 'kept' });
    await release?.();
  };
}
