import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

export interface S3Server {
  /** The variables with which Charla keeps its recordings there. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/** What we use of s3rver, which has no types. It checks signatures, with one pair of keys for all. */
interface Server {
  run(): Promise<{ address: string; port: number }>;
  close(): Promise<void>;
}
const KEY = 'S3RVER';
const server = z.custom<new (options: object) => Server>((given) => typeof given === 'function');

/** An S3-compatible server with one empty bucket. */
export async function startS3Server(): Promise<S3Server> {
  const S3rver = server.parse(createRequire(import.meta.url)('s3rver'));
  const directory = await mkdtemp(join(tmpdir(), 'charla-s3-'));
  const bucket = 'calls';
  const running = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: bucket }],
  });
  const { port } = await running.run();
  return {
    env: {
      RECORDINGS_S3_URL: `http://127.0.0.1:${port}`,
      RECORDINGS_S3_BUCKET: bucket,
      RECORDINGS_S3_ACCESS_KEY: KEY,
      RECORDINGS_S3_SECRET_KEY: KEY,
    },
    async close() {
      await running.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
