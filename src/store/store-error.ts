import { DrizzleQueryError } from 'drizzle-orm';
import { CharlaError } from '../errors.ts';

/** PostgreSQL's classes and codes of errors that are no fault of a query (its manual, appendix A). */
const UNAVAILABLE = /^(08|57P0[1-5]|53300|25006)/;
const FULL = /^(53100|53200)/;
/** Of Node and of `pg`, where no connection could be had. */
const NO_CONNECTION =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;
const NO_CONNECTION_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after/;
const REFUSED = /^(28|3D000)/;

/**
 * What went wrong in the store, in our words. Drizzle's errors carry the query with its values, which are people's data:
 * nothing of that is kept.
 */
export function storeError(error: unknown, address: string): unknown {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (cause instanceof CharlaError) return cause;
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  if (code === 'ENOSPC' || FULL.test(code) || /No space left|disk full/i.test(message)) {
    return new CharlaError('CHARLA_STORE_FULL', { address });
  }
  if (REFUSED.test(code)) return new CharlaError('CHARLA_STORE_UNAVAILABLE', { address, reason: message });
  if (NO_CONNECTION.test(code) || UNAVAILABLE.test(code) || NO_CONNECTION_MESSAGE.test(message)) {
    const reason = code === 'ECONNREFUSED' ? 'nothing listens there' : message || code;
    return new CharlaError('CHARLA_STORE_UNAVAILABLE', { address, reason });
  }
  // Not ours and not the database's: a mistake in Charla, which its own stack explains best.
  if (code === '') return cause;
  return new CharlaError('CHARLA_STORE_FAILED', { code, reason: message });
}

/** Whether a query failed because a row of that key is there already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof CharlaError && error.fields.code === '23505';
}

function codeOf(error: unknown): string {
  // A refused connection to `localhost` is one error for each of its addresses.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
