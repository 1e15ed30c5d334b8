import { every } from '../every.ts';
import type { Logger } from '../telemetry/log.ts';
import type { SessionSummary } from './session.ts';
import type { SessionStore } from './session-store.ts';

/** What the sweeper needs of rooms and calls, which sessions know nothing of. */
export interface SweeperOptions {
  sessions: Pick<SessionStore, 'expire' | 'listQuiet' | 'end'>;
  log: Logger;
  /** Closes the room of a session that has expired; sees by itself to what cannot be closed now. */
  closeRoom(session: Pick<SessionSummary, 'room'>): Promise<void>;
  /** @returns those of the rooms that are open */
  openRooms(rooms: readonly string[]): Promise<ReadonlySet<string>>;
  /** The room of a session with a call is gone, and nobody has said so: its agent was killed, perhaps. */
  onLost?(session: SessionSummary): Promise<void>;
  /** Does what could not be done before. */
  catchUp?(): Promise<void>;
  now?(): Date;
}

/** Keeps sessions to their limits. */
export interface Sweeper {
  /** Once, now. @throws as {@link SessionStore} and `openRooms` */
  sweep(): Promise<void>;
  /** Every minute from now on; what fails is logged and done again. */
  start(): void;
  /** Waits for the sweep that runs. */
  close(): Promise<void>;
}

const INTERVAL_MS = 60_000;
/** In a call somebody says something within this long; whether the rooms of the others are there is looked up. */
const QUIET_MS = 2 * 60_000;
const BATCH = 100;

/**
 * Ends sessions that are over their time limits, and those whose room is gone. Any number of processes may do so at the
 * same time: each session is ended by one of them.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { sessions, log, closeRoom, openRooms, onLost, catchUp, now = () => new Date() } = options;

  const expire = async () => {
    let amount = 0;
    for (let full = true; full; ) {
      const expired = await sessions.expire(BATCH);
      for (const session of expired) await closeRoom(session);
      amount += expired.length;
      full = expired.length === BATCH;
    }
    return amount;
  };
  const endLost = async () => {
    const since = new Date(now().getTime() - QUIET_MS);
    let amount = 0;
    let after: string | undefined;
    for (let full = true; full; ) {
      const quiet: SessionSummary[] = await sessions.listQuiet(since, BATCH, after);
      const open = quiet.length === 0 ? new Set<string>() : await openRooms(quiet.map(({ room }) => room));
      for (const session of quiet.filter(({ room }) => !open.has(room))) {
        await onLost?.(session);
        if (await sessions.end(session.id)) amount += 1;
      }
      after = quiet.at(-1)?.id;
      full = quiet.length === BATCH;
    }
    return amount;
  };

  const sweep = async () => {
    await catchUp?.();
    const expired = await expire();
    const lost = await endLost();
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
      await stop?.();
    },
  };
}
