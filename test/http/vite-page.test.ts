import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'vite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { freePort } from '../support/livekit-server.ts';
import { buildTestServer } from '../support/test-server.ts';

it('the page of `npx vite` may use the API of open development', async () => {
  const app = await buildTestServer({
    config: loadConfig({}),
    livekit: { request: async () => [] as never },
  });
  onTestFinished(() => app.close());
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  // vite.config.ts reads it.
  vi.stubEnv('PORT', port);
  const cacheDir = await mkdtemp(join(tmpdir(), 'charla-vite-'));
  const vite = await createServer({
    configFile: 'vite.config.ts',
    logLevel: 'silent',
    cacheDir,
    optimizeDeps: { noDiscovery: true, include: [] },
    server: { port: await freePort(), strictPort: true, ws: false, watch: null },
  });
  onTestFinished(async () => {
    await vite.close();
    vi.unstubAllEnvs();
    await rm(cacheDir, { recursive: true });
  });
  await vite.listen();
  const [page = ''] = vite.resolvedUrls?.local ?? [];
  const response = await fetch(new URL('/session/start', page), {
    method: 'POST',
    headers: { origin: new URL(page).origin, 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: 'ana' }),
  });
  expect(response.status).toBe(201);
});
