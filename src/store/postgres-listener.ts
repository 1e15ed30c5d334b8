import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../telemetry/log.ts';
import type { StoreListener } from './store.ts';

const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_MS = 1_000;
/** A connection that is lost without a word is noticed within this long, and the time limit of the question. */
const HEARTBEAT_MS = 5_000;
const HEARTBEAT_TIMEOUT_MS = 2_000;

/** Listens to a channel on a connection of its own until `signal` aborts. */
export function listenToPostgres(
  url: string,
  channel: string,
  listener: StoreListener,
  { log, signal }: { log: Logger; signal: AbortSignal },
): void {
  const keepListening = async () => {
    while (!signal.aborted) {
      try {
        await listenOnce(url, channel, listener, signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!signal.aborted) log.warn({ channel, reason }, 'the database is not heard; it will be again');
      }
      await sleep(RECONNECT_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  };
  void keepListening();
}

/** @throws what ends the connection */
async function listenOnce(
  connectionString: string,
  channel: string,
  listener: StoreListener,
  signal: AbortSignal,
): Promise<void> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: HEARTBEAT_TIMEOUT_MS,
    application_name: 'charla listener',
  });
  const lost = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('the connection was closed')));
  });
  lost.catch(() => undefined);
  client.on('notification', ({ payload }) => listener.onMessage(payload ?? ''));
  const end = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([client.connect(), lost]);
    await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    listener.onListening(true);
    for (;;) {
      await Promise.race([sleep(HEARTBEAT_MS, undefined, { ref: false }), lost]);
      await Promise.race([client.query('select 1'), lost]);
    }
  } finally {
    listener.onListening(false);
    signal.removeEventListener('abort', end);
    end();
  }
}
