import { sessions } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import type { CallEvent, ModelUsage, NewCallEvent } from '../../src/telemetry/call-event.ts';

type Turn = Extract<NewCallEvent, { type: 'turn' }>;
const AT = '2026-01-01T12:00:00.000Z';

/** Events with their numbers, as a job sends them. */
export function numbered(events: readonly NewCallEvent[]): CallEvent[] {
  return events.map((event, index) => ({ ...event, number: index + 1 }) as CallEvent);
}

export function started(sessionId: string): Extract<NewCallEvent, { type: 'call.started' }> {
  return { type: 'call.started', at: AT, session_id: sessionId };
}

export function turn(role: Turn['role'], text: string, more: Partial<Turn> = {}): Turn {
  return { type: 'turn', at: AT, role, text, interrupted: false, latencies: {}, tools: [], ...more };
}

export function ended(outcome = 'participant_disconnected', usage: ModelUsage[] = []): NewCallEvent {
  return { type: 'call.ended', at: AT, outcome, usage };
}

/** A session without a room, for calls to belong to. */
export async function addSession(store: Store, id: string, userId: string): Promise<void> {
  const now = new Date();
  await store.query((db) =>
    db.insert(sessions).values({
      id,
      userId,
      room: `charla-${id}`,
      profile: 'browser',
      channel: 'browser',
      language: 'es',
      status: 'created',
      dataTools: {},
      revision: 1,
      createdAt: now,
      lastActiveAt: now,
      expiresAt: new Date(now.getTime() + 3_600_000),
      endedAt: null,
    }),
  );
}
