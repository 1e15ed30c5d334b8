import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewSession } from '../../src/sessions/session.ts';
import { createSessionStore, type SessionStore } from '../../src/sessions/session-store.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../support/store.ts';

const session = (id: string, dataTools = {}): NewSession => ({
  id,
  userId: 'ana',
  room: `charla-${id}`,
  profile: 'browser',
  channel: 'browser',
  language: 'es',
  dataTools,
});

let store: Store;
let sessions: SessionStore;

beforeAll(async () => {
  store = await openTestStore();
  sessions = createSessionStore(store, { SESSION_MAX_MINUTES: 60 });
});
afterAll(() => store.close());

describe('sessions', () => {
  it('are found by id and by room, as they were written', async () => {
    const data = { z: 1, a: { name: 'Ana\u0000', emoji: '👋🏽', list: [null, true, 1.5e-7] } };
    const created = await sessions.create(session('1', data));
    expect(created).toMatchObject({ status: 'created', revision: 1, endedAt: null });
    expect(await sessions.get('1')).toEqual(created);
    expect(await sessions.getByRoom('charla-1')).toEqual(created);
    expect(JSON.stringify((await sessions.get('1'))?.dataTools)).toBe(JSON.stringify(data));
    expect(await sessions.get('nobody')).toBeUndefined();
  });

  it('count the changes of their data tools, and take none that was made for an older revision', async () => {
    await sessions.create(session('2'));
    expect((await sessions.replaceDataTools('2', 1, { a: 1 }))?.revision).toBe(2);
    expect(await sessions.replaceDataTools('2', 1, { a: 2 })).toBeUndefined();
    expect(await sessions.get('2')).toMatchObject({ dataTools: { a: 1 }, revision: 2 });
  });

  it('hold their room while they are open, and once they have ended take no change', async () => {
    await sessions.create(session('3'));
    await expect(sessions.create({ ...session('4'), room: 'charla-3' })).rejects.toMatchObject({
      code: 'CHARLA_STORE_FAILED',
    });
    await sessions.end('3');
    expect(await sessions.getByRoom('charla-3')).toBeUndefined();
    expect(await sessions.get('3')).toMatchObject({ status: 'ended' });
    expect(await sessions.replaceDataTools('3', 1, {})).toBeUndefined();
    expect((await sessions.create({ ...session('4'), room: 'charla-3' })).id).toBe('4');
  });

  it('are deleted with what their data tools were before', async () => {
    await sessions.create(session('5', { secret: 1 }));
    await sessions.replaceDataTools('5', 1, {});
    await sessions.delete('5');
    expect(await sessions.get('5')).toBeUndefined();
    await sessions.create(session('5'));
    expect((await sessions.replaceDataTools('5', 1, {}))?.revision).toBe(2);
  });
});
