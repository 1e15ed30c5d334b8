import { every } from '../every.ts';
import type { Logger } from '../telemetry/log.ts';
import type { SessionSummary } from './session.ts';
import type { SessionStore } from './session-store.ts';

/** What the sweeper needs of rooms and calls, which sessions know nothing of. */
export interface SweeperOptions {
  sessions: Pick<SessionStore, 'expire' | 'listQuiet' | 'listEnded' | 'end'>;
  log: Logger;
  /** Closes the room of a session that is over, unless another session has it. What it throws ends the sweep. */
  closeRoom(session: Pick<SessionSummary, 'room'>): Promise<void>;
  /** @returns those of the rooms that are open */
  openRooms(rooms: readonly string[]): Promise<ReadonlySet<string>>;
  /** The room of a session with a call is gone, and nobody has said so: its agent was killed, perhaps. */
  onLost?(session: SessionSummary): Promise<void>;
  /** Does what could not be done before. */
  catchUp?(signal: AbortSignal): Promise<void>;
  now?(): Date;
}

/** Keeps sessions to their limits. */
export interface Sweeper {
  /** Once, now. @throws as {@link SessionStore} and `openRooms` */
  sweep(): Promise<void>;
  /** Every minute from now on; what fails is logged and done again. */
  start(): void;
  /** Waits for the sweep that runs, which does no more than it has begun. */
  close(): Promise<void>;
}

const INTERVAL_MS = 60_000;
/** In a call somebody says something within this long; whether the rooms of the others are there is looked up. */
const QUIET_MS = 2 * 60_000;
const BATCH = 100;
/** The first sweep of a process closes rooms of sessions that ended this long before: whoever ended them may be gone. */
const LEFT_OPEN_MS = 3_600_000;
/** Each further one looks this much further back than to the last: clocks differ, and others take their time. */
const OVERLAP_MS = 5 * 60_000;

/**
 * Ends sessions that are over their time limits, and those whose room is gone; closes rooms of sessions that are over,
 * whoever ended them. Any number of processes may do so at the same time: each session is ended by one of them.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { sessions, log, closeRoom, openRooms, onLost, catchUp, now = () => new Date() } = options;

  const stopping = new AbortController();
  const { signal } = stopping;
  let closedUntilMs = now().getTime() - LEFT_OPEN_MS + OVERLAP_MS;

  const expire = async () => {
    let amount = 0;
    for (let full = true; full && !signal.aborted; ) {
      const expired = await sessions.expire(BATCH);
      amount += expired.length;
      full = expired.length === BATCH;
    }
    return amount;
  };

  /** Every session of a list, with whether its room is open; none any more once the sweep is to stop. */
  async function* withRooms(list: (after: string | undefined) => Promise<SessionSummary[]>) {
    let after: string | undefined;
    for (let full = true; full && !signal.aborted; ) {
      const page = await list(after);
      const open = page.length === 0 ? new Set<string>() : await openRooms(page.map(({ room }) => room));
      for (const session of page) {
        if (signal.aborted) return;
        yield { session, isRoomOpen: open.has(session.room) };
      }
      after = page.at(-1)?.id;
      full = page.length === BATCH;
    }
  }

  const endLost = async () => {
    const since = new Date(now().getTime() - QUIET_MS);
    let amount = 0;
    const quiet = withRooms((after) => sessions.listQuiet(since, BATCH, after));
    for await (const { session, isRoomOpen } of quiet) {
      if (isRoomOpen) continue;
      await onLost?.(session);
      if (await sessions.end(session.id)) amount += 1;
    }
    return amount;
  };

  const closeLeftOpen = async () => {
    const untilMs = now().getTime();
    const since = new Date(closedUntilMs - OVERLAP_MS);
    const over = withRooms((after) => sessions.listEnded(since, BATCH, after));
    for await (const { session, isRoomOpen } of over) if (isRoomOpen) await closeRoom(session);
    if (!signal.aborted) closedUntilMs = untilMs;
  };

  const sweep = async () => {
    // First what needs nobody but the store.
    const expired = await expire();
    await catchUp?.(signal);
    const lost = await endLost();
    await closeLeftOpen();
    if (expired + lost > 0) log.info({ expired, lost }, 'sessions were ended');
  };

  let stop: (() => Promise<void>) | undefined;
  return {
    sweep,
    start() {
      stop = every(INTERVAL_MS, sweep, {
        onError: (error) => log.warn({ err: error }, 'sessions could not be swept; they will be'),
      });
    },
    async close() {
      stopping.abort();
      await stop?.();
    },
  };
}
