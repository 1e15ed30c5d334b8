import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCharla } from '../support/run-charla.ts';
import { createTestPlace, type TestPlace } from '../support/store.ts';

let place: TestPlace;

beforeAll(async () => {
  place = await createTestPlace();
});
afterAll(() => place.remove());

const migrate = (...args: string[]) => runCharla(['migrate', ...args], place.env);

describe('charla migrate', () => {
  it('says with --check that there is something to do, does it once, and then there is nothing', async () => {
    const before = await migrate('--check');
    expect([before.exitCode, before.stdout]).toEqual([
      1,
      expect.stringMatching(/: [1-9]\d* migrations to apply$/),
    ]);
    const first = await migrate();
    expect([first.exitCode, first.stdout]).toEqual([
      0,
      expect.stringMatching(/: [1-9]\d* migrations applied$/),
    ]);
    const second = await migrate();
    expect([second.exitCode, second.stdout]).toEqual([0, expect.stringMatching(/: 0 migrations applied$/)]);
    const after = await migrate('--check');
    expect([after.exitCode, after.stdout]).toEqual([0, expect.stringMatching(/: 0 migrations to apply$/)]);
    expect(before.stdout).toContain(place.env.DATABASE_URL === '' ? place.env.CHARLA_HOME : '127.0.0.1');
  });

  it('explains itself', async () => {
    const { stdout, exitCode } = await migrate('--help');
    expect(exitCode).toBe(0);
    for (const word of ['DATABASE_URL', 'CHARLA_HOME', '--check', 'exit']) expect(stdout).toContain(word);
  });
});
