import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { openReadyStore } from '../../src/store/open-ready-store.ts';
import { profiles } from '../../src/store/schema.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { createTestPlace, type TestPlace } from '../support/store.ts';

const log = createLogger('test', 'silent');
const page = await readFile(new URL('../../docs/store.md', import.meta.url), 'utf8');
const commands = [...page.matchAll(/```bash\n([^`]+)```/gu)].map(([, command = '']) => command);

/** The one of docs/store.md that begins so, run as it stands. */
function documented(start: string, { env }: TestPlace, cwd: string) {
  const [command = 'exit 1'] = commands.filter((one) => one.startsWith(start));
  // Debian has only wrappers on the PATH, which look for clusters of their own.
  const PATH = `/usr/lib/postgresql/15/bin:${process.env.PATH}`;
  return execa('bash', ['-euc', command], { cwd, env: { ...env, PATH } });
}

it('a backup made as docs/store.md says is there after it is restored elsewhere', async () => {
  const [from, to] = [await createTestPlace(), await createTestPlace()];
  const [backup, restore] = from.env.DATABASE_URL === '' ? ['tar -c', 'tar -x'] : ['pg_dump', 'pg_restore'];
  const source = await openReadyStore(loadConfig(from.env), log);
  const profile = { name: 'p', settings: { z: 1, a: 'ñ' }, revision: 7, updatedAt: new Date(1) };
  await source.query((db) => db.insert(profiles).values(profile));
  await source.close();

  const folder = from.env.CHARLA_HOME;
  await documented(backup, from, folder);
  await documented(restore, to, folder);
  const target = await openReadyStore(loadConfig(to.env), log);
  expect(await target.query((db) => db.select().from(profiles))).toEqual([profile]);
  expect(await target.pendingMigrations()).toBe(0);
  await target.close();
  await from.remove();
  await to.remove();
});
