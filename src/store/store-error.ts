import { DrizzleQueryError } from 'drizzle-orm';
import { CharlaError, messageOf } from '../errors.ts';
import type { Store } from './store.ts';

/**
 * PostgreSQL's classes and codes of errors that are no fault of a query and may be gone at the next try (its manual,
 * appendix A): connections, shutdown, too slow, deadlocks, a password or a database that is not there.
 */
const UNAVAILABLE = /^(08|57P0[1-5]|57014|55P03|25P03|40001|40P01|53300|28|3D000)/;
const READ_ONLY = '25006';
const FULL = /^53[12]00/;
/** Of Node and of `pg`, where no connection could be had. */
const NO_CONNECTION =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;
const NO_CONNECTION_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|read timeout|not queryable|Cannot use a pool after|PGlite is clos/;
const SLOW_MESSAGE =
  /connection timeout|timeout exceeded|read timeout|not queryable|terminated$|canceling statement/;
/** Data exceptions: their messages repeat the data. */
const DATA = /^22/;

/**
 * What went wrong in the store, in our words. Drizzle's errors carry the query with its values, which are people's data:
 * nothing of that is kept.
 */
export function storeError(error: unknown, { kind, address }: Pick<Store, 'kind' | 'address'>): unknown {
  const cause = causeOf(error);
  if (cause instanceof CharlaError) return cause;
  const code = codeOf(cause);
  const message = messageOf(cause);
  if (code === 'ENOSPC' || FULL.test(code) || /No space left|disk full/i.test(message)) {
    return new CharlaError('CHARLA_STORE_FULL', { address });
  }
  // A standby that was not promoted yet; of PGlite its disk is the only reason to take no writes.
  if (code === READ_ONLY) {
    return kind === 'pglite'
      ? new CharlaError('CHARLA_STORE_FULL', { address })
      : unavailable(cause, address);
  }
  if (isUnavailable(cause)) return unavailable(cause, address);
  // Not ours and not the database's: a mistake in Charla, which its own stack explains best.
  if (code === '') return cause;
  const reason = DATA.test(code) ? 'it cannot hold a value' : message;
  return new CharlaError('CHARLA_STORE_FAILED', { code, reason });
}

/** That no connection could be had, whatever the reason: nobody there, a wrong password, a certificate. */
export function unavailable(error: unknown, address: string): CharlaError {
  const code = codeOf(error);
  const message = messageOf(error);
  const reason =
    code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : SLOW_MESSAGE.test(message)
        ? 'no answer in time'
        : message || code;
  return new CharlaError('CHARLA_STORE_UNAVAILABLE', { address, reason });
}

/** Whether the connection, and not the query, is what failed; or the query may work at the next try. */
function isUnavailable(error: unknown): boolean {
  const cause = causeOf(error);
  const code = codeOf(cause);
  return NO_CONNECTION.test(code) || UNAVAILABLE.test(code) || NO_CONNECTION_MESSAGE.test(messageOf(cause));
}

/** PostgreSQL's or Node's code of an error; empty when it has none. */
export function codeOf(error: unknown): string {
  const cause = causeOf(error);
  // A refused connection to `localhost` is one error for each of its addresses.
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function causeOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}
