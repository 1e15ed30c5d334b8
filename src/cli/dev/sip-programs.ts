import { createServer } from 'node:net';
import type { LivekitBinary } from './get-livekit-binary.ts';
import type { RedisBinary } from './get-redis.ts';

/** What telephone calls need beside livekit-server. */
export interface SipPrograms {
  livekitSip: LivekitBinary;
  redis: RedisBinary;
  /** On loopback. Nobody else needs to know it, so it is whichever is free. */
  redisPort: number;
}

/** A TCP port on loopback that nobody listens on now. */
export function freeLoopbackPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      probe.close(() => resolve(port));
    });
  });
}
