import { open, readdir, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { WAV_HEADER_BYTES } from '../../providers/stt/wav.ts';
import { deploymentName } from '../deployment-name.ts';
import { ownFile } from '../own-file.ts';
import { RECORDING_CHANNELS, RECORDING_SAMPLE_RATE } from './sound-timeline.ts';

const NAME = /^(?<callId>[\w-]{1,64})\.(?<id>[\w-]{36})\.(?<startedAt>\d{1,15})\.(?<format>ogg|wav)$/;
const WAV_BYTES_PER_SECOND = RECORDING_SAMPLE_RATE * RECORDING_CHANNELS * 2;
/** Opus counts its samples at this rate, whatever went in. Hz */
const OPUS_CLOCK = 48_000;
/** Holds the whole of an Ogg page. */
const LAST_BYTES = 128 * 1024;

/** A recording on its way to the API: a file on the worker's machine, whose name says what it is of. */
export interface OutgoingRecording {
  readonly callId: string;
  /** Of the recording. */
  readonly id: string;
  readonly format: 'ogg' | 'wav';
  readonly startedAt: Date;
  readonly path: string;
}

function outgoingFolder(config: Config): string {
  return join(config.CHARLA_HOME, 'recordings', 'outgoing', deploymentName(config));
}

/** Where a recording goes that begins now; there is no file yet. */
export function newRecording(
  config: Config,
  { callId, id, format, startedAt }: Omit<OutgoingRecording, 'path'>,
): OutgoingRecording {
  const name = `${callId}.${id}.${startedAt.getTime()}.${format}`;
  return { callId, id, format, startedAt, path: join(outgoingFolder(config), name) };
}

/** All that were left on this machine, those that are still being written among them; oldest first. */
export async function listOutgoing(config: Config): Promise<OutgoingRecording[]> {
  const folder = outgoingFolder(config);
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const { callId, id, startedAt } = NAME.exec(name)?.groups ?? {};
      if (callId === undefined || id === undefined || startedAt === undefined) return [];
      const format = extname(name) === '.ogg' ? ('ogg' as const) : ('wav' as const);
      return [{ callId, id, format, startedAt: new Date(Number(startedAt)), path: join(folder, name) }];
    })
    .sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
}

/** As {@link ownFile}. */
export function ownRecording({ path }: OutgoingRecording): Promise<(() => Promise<void>) | undefined> {
  // Whoever lost it sends it a second time, which the API knows by its id.
  return ownFile(path, () => undefined);
}

export async function removeRecording({ path }: OutgoingRecording): Promise<void> {
  await rm(path, { force: true });
}

/** What a file holds by now. */
export interface RecordingLength {
  bytes: number;
  /** 0 where nobody was recorded before its process ended. */
  durationMs: number;
  changedAt: Date;
}

/** @returns undefined when there is no such file */
export async function recordingLength({
  path,
  format,
}: OutgoingRecording): Promise<RecordingLength | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const seconds =
    format === 'wav'
      ? Math.max(0, found.size - WAV_HEADER_BYTES) / WAV_BYTES_PER_SECOND
      : (await lastGranule(path, found.size)) / OPUS_CLOCK;
  return { bytes: found.size, durationMs: Math.round(seconds * 1000), changedAt: found.mtime };
}

/** Samples up to the end of an Ogg file, as its last page says (RFC 3533, section 6). */
async function lastGranule(path: string, size: number): Promise<number> {
  const file = await open(path);
  try {
    const from = Math.max(0, size - LAST_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LAST_BYTES), 0, LAST_BYTES, from);
    const tail = buffer.subarray(0, bytesRead);
    const page = tail.lastIndexOf('OggS');
    return page === -1 || page + 14 > tail.length ? 0 : Math.max(0, Number(tail.readBigInt64LE(page + 6)));
  } finally {
    await file.close();
  }
}
