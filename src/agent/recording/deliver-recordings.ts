import { access } from 'node:fs/promises';
import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { type ErrorCode, messageOf } from '../../errors.ts';
import { every } from '../../every.ts';
import { parseJson } from '../../parse-json.ts';
import { MEDIA_TYPES } from '../../recording-media-types.ts';
import type { Logger } from '../../telemetry/log.ts';
import { askApi } from '../ask-api.ts';
import { JournalFile } from '../journal/journal-file.ts';
import {
  listOutgoing,
  type OutgoingRecording,
  ownRecording,
  type RecordingLength,
  recordingLength,
  removeRecording,
} from './outgoing-recording.ts';

const EVERY_MS = 3_000;
/** After an attempt in vain the next ones come later and later, ms. */
const LATEST_RETRY_MS = 5 * 60_000;
/** What could not be delivered for so long is people's voices that nobody asks for. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** The API may hear of a call a little later than its recording is there. ms */
const CALL_IS_TOLD_MS = 60_000;
/** Time for an answer, and for each megabyte, ms. */
const ANSWER_MS = 15_000;
const MEGABYTE_MS = 4_000;

/** Errors of the API that the same recording gets each time. */
const FINAL: readonly ErrorCode[] = [
  'CHARLA_REQUEST_INVALID',
  'CHARLA_BODY_TOO_LARGE',
  'CHARLA_MEDIA_TYPE_UNSUPPORTED',
];
const problemSchema = z.object({ code: z.string() });

export interface RecordingDelivery {
  /** Brings what is there now to the API, once. */
  deliver(signal?: AbortSignal): Promise<void>;
}

/**
 * Brings recordings, soon after their calls, from this worker's disk to the API. No call waits for it, and one that is
 * not taken is tried again, from wherever a worker runs on this disk, for a week.
 *
 * @returns stops it, after one last attempt at what is left, of at most so many ms
 */
export function deliverRecordingsAlways(config: Config, log: Logger): (lastMs: number) => Promise<void> {
  const delivery = createRecordingDelivery(config, log);
  const stopping = new AbortController();
  const stop = every(EVERY_MS, () => delivery.deliver(stopping.signal), {
    atOnce: true,
    onError: (error) => log.error({ err: error }, 'recordings could not be delivered'),
  });
  return async (lastMs) => {
    const limit = setTimeout(() => stopping.abort(), lastMs);
    await stop();
    await delivery
      .deliver(stopping.signal)
      .catch((error: unknown) => log.error({ err: error }, 'recordings could not be delivered'));
    clearTimeout(limit);
  };
}

/** Delivers recordings, and remembers which ones are not to be tried again yet. */
export function createRecordingDelivery(config: Config, log: Logger): RecordingDelivery {
  const retries = new Map<string, { at: number; waitMs: number }>();

  const deliverOne = async (one: OutgoingRecording, signal: AbortSignal | undefined) => {
    const length = await recordingLength(one);
    // Another worker was here in between.
    if (length === undefined) return;
    if (length.durationMs === 0) return removeRecording(one);
    const outcome = await send(config, one, length, signal);
    const fields = { call: one.callId, durationMs: length.durationMs };
    if (outcome === 'taken') {
      log.info(fields, 'the recording of a call was delivered');
    } else if ('refused' in outcome) {
      log.error({ ...fields, code: outcome.refused }, 'the API refuses the recording of a call; dropped');
    } else {
      const ageMs = Date.now() - length.changedAt.getTime();
      if (ageMs <= KEPT_MS) return later(one, outcome.away, fields);
      log.error(fields, 'the recording of a call could not be delivered for a week; dropped');
    }
    retries.delete(one.id);
    await removeRecording(one);
  };

  const later = ({ id }: OutgoingRecording, reason: string, fields: object) => {
    const before = retries.get(id);
    const waitMs = Math.min(before === undefined ? EVERY_MS : before.waitMs * 2, LATEST_RETRY_MS);
    retries.set(id, { at: performance.now() + waitMs, waitMs });
    if (before === undefined)
      log.warn({ ...fields, reason }, 'the recording of a call waits to be delivered');
  };

  return {
    async deliver(signal) {
      for (const one of await listOutgoing(config)) {
        if (signal?.aborted === true) return;
        if (performance.now() < (retries.get(one.id)?.at ?? 0)) continue;
        const release = await ownRecording(one);
        if (release === undefined) continue;
        try {
          await deliverOne(one, signal);
        } finally {
          await release().catch(() => undefined);
        }
      }
    },
  };
}

type Outcome = 'taken' | { refused: string } | { away: string };

async function send(
  config: Config,
  recording: OutgoingRecording,
  { bytes, durationMs, changedAt }: RecordingLength,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { callId, id, format, startedAt, path } = recording;
  const query = new URLSearchParams({
    duration_ms: String(durationMs),
    created_at: startedAt.toISOString(),
  });
  try {
    const response = await askApi(config, `/calls/${callId}/recordings/${id}?${query}`, {
      method: 'PUT',
      file: { path, type: MEDIA_TYPES[format] },
      timeoutMs: Math.round(ANSWER_MS + (bytes / 2 ** 20) * MEGABYTE_MS),
      ...(signal !== undefined && { signal }),
    });
    const answer = await response.text();
    if (response.ok) return 'taken';
    const code = problemSchema.safeParse(parseJson(answer)).data?.code ?? 'unknown';
    if (FINAL.some((one) => one === code)) return { refused: code };
    if (code === 'CHARLA_CALL_NOT_FOUND' && (await isToldAll(config, callId, changedAt)))
      return { refused: code };
    return { away: `${response.status} ${code}` };
  } catch (error) {
    return { away: messageOf(error) };
  }
}

/** Whether nobody can tell the API of a call any more that it does not know: it was deleted. */
async function isToldAll(config: Config, callId: string, changedAt: Date): Promise<boolean> {
  if (Date.now() - changedAt.getTime() < CALL_IS_TOLD_MS) return false;
  return access(new JournalFile(config, callId).path).then(
    () => false,
    () => true,
  );
}
