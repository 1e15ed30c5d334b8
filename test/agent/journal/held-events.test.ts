import { afterEach, expect, it, vi } from 'vitest';
import { HeldEvents } from '../../../src/agent/journal/held-events.ts';
import type { NewCallEvent } from '../../../src/telemetry/call-event.ts';
import { createLogger } from '../../../src/telemetry/log.ts';

const log = createLogger('test', 'silent');
const at = '2026-01-01T12:00:00.000Z';
const started = { type: 'call.started', at, session_id: 'none' } as const;
const ended: NewCallEvent = { type: 'call.ended', at, outcome: 'participant_disconnected', usage: [] };

afterEach(() => {
  vi.useRealTimers();
});

function hold() {
  const written: NewCallEvent[] = [];
  let isClosed = false;
  let found: (session: string | undefined) => void = () => undefined;
  const session = new Promise<string | undefined>((resolve) => {
    found = resolve;
  });
  const sink = () => ({
    write: (event: NewCallEvent) => void written.push(event),
    close: async () => {
      isClosed = true;
    },
  });
  return { events: new HeldEvents(session, sink, log), found, written, closed: () => isClosed };
}

it('events wait for their session, in order, and those that follow go straight on', async () => {
  const { events, found, written, closed } = hold();
  events.write(started);
  expect(written).toEqual([]);
  found('s1');
  await expect.poll(() => written).toEqual([{ ...started, session_id: 's1' }]);
  events.write(ended);
  expect(written.at(-1)).toEqual(ended);
  await events.close();
  expect(closed()).toBe(true);
});

it('a call that gets no session leaves nothing', async () => {
  const { events, found, written, closed } = hold();
  events.write(started);
  found(undefined);
  await events.close();
  expect(written).toEqual([]);
  expect(closed()).toBe(false);
});

it('a call that is over waits a little for the session that is being opened', async () => {
  const { events, found, written, closed } = hold();
  events.write(started);
  events.write(ended);
  const over = events.close();
  found('s1');
  await over;
  expect(written).toEqual([{ ...started, session_id: 's1' }, ended]);
  expect(closed()).toBe(true);
});

it('a session that comes too late opens nothing that nobody would close', async () => {
  vi.useFakeTimers();
  const { events, found, written } = hold();
  events.write(started);
  const over = events.close();
  await vi.advanceTimersByTimeAsync(2_000);
  await over;
  found('s1');
  await vi.advanceTimersByTimeAsync(0);
  expect(written).toEqual([]);
});
