import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { getRedis } from '../../src/cli/dev/get-redis.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'charla-redis-'));
  vi.stubEnv('PATH', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

it('the Redis on PATH listens on loopback and keeps nothing', async () => {
  await program('redis-server', 'echo "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc"');
  const { version, source, args } = await getRedis();
  expect({ version, source }).toEqual({ version: '7.0.15', source: 'PATH' });
  expect(args(16379).join(' ')).toContain('--port 16379 --bind 127.0.0.1 --save  --appendonly no');
});

it('a Redis comes from Docker where there is none on PATH', async () => {
  await program('docker', 'exit 0');
  const steps: string[] = [];
  const { command, args } = await getRedis({ onStep: (step) => steps.push(step) });
  expect(command).toBe('docker');
  expect(args(16379).join(' ')).toMatch(/^run --rm .*redis-server --port 16379/);
  expect(steps).toEqual([expect.stringContaining('pulling redis')]);
});

it('a Redis that cannot be had is one error with the reason of each way and the package to install', async () => {
  const getting = getRedis();
  await expect(getting).rejects.toMatchObject({ code: 'CHARLA_REDIS_NOT_INSTALLED' });
  const message = await getting.catch(String);
  expect(message).toContain('on PATH: not there');
  expect(message).toContain('Docker: not there');
  expect(message).toContain('apt-get install redis-server');
});
