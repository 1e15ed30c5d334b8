import type { Readable } from 'node:stream';
import type { Config } from '../config/config.ts';
import { CharlaError, messageOf } from '../errors.ts';
import { diskRecordings } from './disk-recordings.ts';

export type RecordingsConfig = Pick<Config, 'CHARLA_HOME'> &
  Partial<
    Pick<
      Config,
      | 'RECORDINGS_S3_URL'
      | 'RECORDINGS_S3_BUCKET'
      | 'RECORDINGS_S3_REGION'
      | 'RECORDINGS_S3_ACCESS_KEY'
      | 'RECORDINGS_S3_SECRET_KEY'
    >
  >;

/** Where a file of a recording is. */
export interface KeptFile {
  storage: 'disk' | 's3';
  /** Under CHARLA_HOME, or in the bucket. */
  file: string;
}

/** Part of a file: from byte `start` to byte `end`, both in it. */
export interface ByteRange {
  start: number;
  end: number;
}

/** One place for files. Errors are those of the file system, or of the S3 client. */
export interface FileStorage {
  /** @param path - a file on this disk, which may be moved away */
  put(file: string, path: string, type: string): Promise<void>;
  read(file: string, range?: ByteRange): Promise<Readable>;
  /** No error when there is none. */
  delete(file: string, signal: AbortSignal): Promise<void>;
}

/** The files of recordings. */
export interface RecordingFiles {
  /**
   * Keeps a file where new ones go. It may be moved away from where it is.
   *
   * @throws CharlaError `CHARLA_RECORDINGS_UNAVAILABLE`
   */
  put(file: string, path: string, type: string): Promise<KeptFile>;
  /** @throws CharlaError `CHARLA_RECORDINGS_UNAVAILABLE` */
  read(kept: KeptFile, range?: ByteRange): Promise<Readable>;
  /**
   * Deletes files, in a few seconds at most; those that are not there count as deleted.
   *
   * @returns those that are still there, and why
   */
  delete(kept: readonly KeptFile[]): Promise<Map<KeptFile, string>>;
}

/** Whoever deletes holds rows of the database meanwhile. */
const DELETE_TIMEOUT_MS = 4_000;
const DELETED_AT_ONCE = 10;
const opened = new WeakMap<RecordingsConfig, RecordingFiles>();

/** The files of recordings: on disk, and in the S3-compatible store where one is configured. */
export function recordingFiles(config: RecordingsConfig): RecordingFiles {
  const known = opened.get(config);
  if (known !== undefined) return known;
  const { RECORDINGS_S3_URL: url } = config;
  const disk = diskRecordings(config.CHARLA_HOME);
  // Its client is large: whoever has no such store does not load it.
  let s3: Promise<FileStorage> | undefined;
  const storageOf = async (storage: KeptFile['storage']): Promise<FileStorage> => {
    if (storage === 'disk') return disk;
    if (url === undefined) throw new Error('RECORDINGS_S3_URL is not set');
    s3 ??= import('./s3-recordings.ts').then(({ s3Recordings }) => s3Recordings({ ...config, url }));
    return s3;
  };
  const files: RecordingFiles = {
    async put(file, path, type) {
      const storage = url === undefined ? 'disk' : 's3';
      await storageOf(storage)
        .then((place) => place.put(file, path, type))
        .catch(unavailable);
      return { storage, file };
    },
    async read({ storage, file }, range) {
      return storageOf(storage)
        .then((place) => place.read(file, range))
        .catch(unavailable);
    },
    async delete(kept) {
      const left = new Map<KeptFile, string>();
      const signal = AbortSignal.timeout(DELETE_TIMEOUT_MS);
      const waiting = [...kept];
      const deleteSome = async () => {
        for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
          try {
            const place = await storageOf(one.storage);
            await place.delete(one.file, signal);
          } catch (error) {
            left.set(one, messageOf(error));
          }
        }
      };
      await Promise.all(Array.from({ length: DELETED_AT_ONCE }, deleteSome));
      return left;
    },
  };
  opened.set(config, files);
  return files;
}

function unavailable(error: unknown): never {
  throw new CharlaError('CHARLA_RECORDINGS_UNAVAILABLE', { reason: messageOf(error) }, { cause: error });
}
