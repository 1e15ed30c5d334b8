import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { messageOf } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { TOO_LATE, within } from '../within.ts';
import type { StoreListener } from './store.ts';

const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_MS = 1_000;
/** A connection that is lost without a word is noticed within this long, and the time limit of the question. */
const HEARTBEAT_MS = 5_000;
const HEARTBEAT_TIMEOUT_MS = 2_000;

export interface PostgresListening {
  url: string;
  channel: string;
  listener: StoreListener;
  /** Says something on a channel, on another connection. */
  notify: (channel: string) => Promise<unknown>;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Listens to a channel on a connection of its own until `signal` aborts. Each connection has to hear first what is said to
 * it on another one: behind a pooler that lends connections for a transaction, `LISTEN` is answered and nothing ever comes.
 */
export function listenToPostgres(listening: PostgresListening): void {
  const { channel, log, signal } = listening;
  let told: string | undefined;
  const keepListening = async () => {
    while (!signal.aborted) {
      try {
        await listenOnce(listening, () => {
          told = undefined;
        });
      } catch (error) {
        const reason = messageOf(error);
        if (!signal.aborted && reason !== told) {
          log.warn(
            { channel, reason },
            'the database is not heard; what it would tell is asked for meanwhile',
          );
        }
        told = reason;
      }
      await sleep(RECONNECT_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  };
  void keepListening();
}

/** @throws what ends the connection */
async function listenOnce(
  { url, channel, listener, notify, signal }: PostgresListening,
  onHeard: () => void,
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: HEARTBEAT_TIMEOUT_MS,
    application_name: 'charla listener',
  });
  const gone = new AbortController();
  client.on('error', (error) => gone.abort(error));
  client.on('end', () => gone.abort(new Error('the connection was closed')));
  // To be waited for a few times only: each time stays with it for as long as the connection.
  const lost = new Promise<never>((_, reject) => {
    gone.signal.addEventListener('abort', () => reject(gone.signal.reason), { once: true });
  });
  lost.catch(() => undefined);
  const echo = `${channel}_${randomUUID()}`;
  const heard = new Promise<void>((resolve) => {
    client.on('notification', (message) => {
      if (message.channel === echo) resolve();
      else listener.onMessage(message.payload ?? '');
    });
  });
  const end = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([client.connect(), lost]);
    await client.query(`listen ${pg.escapeIdentifier(channel)}; listen ${pg.escapeIdentifier(echo)}`);
    await notify(echo);
    if ((await within(HEARTBEAT_TIMEOUT_MS, Promise.race([heard, lost]))) === TOO_LATE) {
      throw new Error('what is said to it does not come: a pooler in transaction mode cannot pass it on');
    }
    listener.onListening(true);
    onHeard();
    for (;;) {
      await sleep(HEARTBEAT_MS, undefined, { ref: false, signal: gone.signal }).catch(() => undefined);
      gone.signal.throwIfAborted();
      await client.query('select 1');
    }
  } finally {
    listener.onListening(false);
    signal.removeEventListener('abort', end);
    end();
  }
}
