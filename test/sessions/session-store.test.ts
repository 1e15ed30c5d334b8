import { describe, expect, it } from 'vitest';
import {
  createMemorySessionStore,
  type NewSession,
  type SessionStore,
} from '../../src/sessions/session-store.ts';

const session = (id: string, dataTools = {}): NewSession => ({
  id,
  userId: 'ana',
  room: `charla-${id}`,
  profile: 'browser',
  channel: 'browser',
  language: 'es',
  dataTools,
});

/** Which of the sessions 1, 2 and 3 are there. */
async function idsOf(store: SessionStore): Promise<(string | undefined)[]> {
  const found = await Promise.all(['1', '2', '3'].map((id) => store.get(id)));
  return found.flatMap((one) => one?.id ?? []);
}

describe('sessions in memory', () => {
  it('are found by id and by room, and count the changes of their data tools', async () => {
    const store = createMemorySessionStore();
    await store.create(session('1'));
    expect((await store.updateDataTools('1', { a: 1 }))?.revision).toBe(2);
    expect(await store.get('1')).toMatchObject({ dataTools: { a: 1 }, revision: 2 });
    expect((await store.getByRoom('charla-1'))?.id).toBe('1');
    await store.delete('1');
    expect([await store.get('1'), await store.getByRoom('charla-1')]).toEqual([undefined, undefined]);
    expect(await store.updateDataTools('1', {})).toBeUndefined();
  });

  it('beyond the limit drop the one unused for longest', async () => {
    const store = createMemorySessionStore({ maxSessions: 2 });
    await store.create(session('1'));
    await store.create(session('2'));
    await store.get('1');
    await store.create(session('3'));
    expect(await idsOf(store)).toEqual(['1', '3']);
    expect(await store.getByRoom('charla-2')).toBeUndefined();
  });

  it('beyond the limit of bytes do so too', async () => {
    const store = createMemorySessionStore({ maxBytes: 2_000 });
    for (const id of ['1', '2', '3']) await store.create(session(id, { text: 'x'.repeat(900) }));
    expect(await idsOf(store)).toEqual(['2', '3']);
  });

  it('expire when nobody asks for them', async () => {
    const store = createMemorySessionStore({ idleMs: 20 });
    await store.create(session('1'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await store.get('1')).toBeUndefined();
  });
});
