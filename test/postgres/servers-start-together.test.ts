import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { freePort } from '../support/livekit-server.ts';
import { runCharla } from '../support/run-charla.ts';
import { createTestDatabase } from '../support/store.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
afterAll(() => database.drop());

it('two `charla serve` that start at once on an empty database migrate it once, and both serve', async () => {
  const start = async () => {
    const port = await freePort();
    const child = runCharla(['serve'], { DATABASE_URL: database.url, PORT: String(port) });
    return { port, child };
  };
  const servers = [await start(), await start()];
  for (const { port } of servers) {
    // Asked of the store: there is no such session.
    const answer = () => fetch(`http://127.0.0.1:${port}/session/nobody/data-tools`);
    await vi.waitFor(async () => expect((await answer()).status).toBe(404), {
      timeout: 30_000,
      interval: 100,
    });
  }
  for (const { child } of servers) child.kill('SIGTERM');
  const ended = await Promise.all(servers.map(({ child }) => child));
  expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(
    ended
      .map(({ stdout }) => stdout)
      .join('\n')
      .match(/brought to this version/g),
  ).toHaveLength(1);
});
