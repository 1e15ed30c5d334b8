import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { FileStorage, RecordingsConfig } from './recording-files.ts';

/** Without a byte for so long, a request has failed. */
const SILENT_MS = 10_000;

const silent = () => undefined;

/** Objects of a bucket in an S3-compatible store. */
export function s3Recordings(config: RecordingsConfig & { url: string }): FileStorage {
  const { RECORDINGS_S3_ACCESS_KEY: accessKeyId = '', RECORDINGS_S3_SECRET_KEY: secretAccessKey = '' } =
    config;
  const { RECORDINGS_S3_BUCKET: Bucket, RECORDINGS_S3_REGION: region = 'us-east-1' } = config;
  const client = new S3Client({
    endpoint: config.url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    // What stores other than Amazon's know too.
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 2,
    // Each failure is said once, by whoever asked.
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    requestHandler: { connectionTimeout: SILENT_MS, socketTimeout: SILENT_MS },
  });
  return {
    async put(Key, path, ContentType) {
      const { size: ContentLength } = await stat(path);
      const Body = createReadStream(path);
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentLength, ContentType }));
    },
    async read(Key, range) {
      const Range = range && `bytes=${range.start}-${range.end}`;
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
      if (!(Body instanceof Readable)) throw new Error('the answer of RECORDINGS_S3_URL has no body');
      return Body;
    },
    async delete(Key, abortSignal) {
      await client.send(new DeleteObjectCommand({ Bucket, Key }), { abortSignal });
    },
  };
}
