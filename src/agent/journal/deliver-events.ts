import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { type ErrorCode, messageOf } from '../../errors.ts';
import { parseJson } from '../../parse-json.ts';
import { type CallEvent, MOST_EVENTS_AT_ONCE } from '../../telemetry/call-event.ts';
import { askApi } from '../ask-api.ts';

/** Longer than the API waits for its database. */
const TIMEOUT_MS = 15_000;
/** Under the API's limit of a request. */
const MOST_BYTES = 200 * 1024;

/** Errors of the API that the same events get each time. */
const FINAL: readonly ErrorCode[] = [
  'CHARLA_REQUEST_INVALID',
  'CHARLA_BODY_TOO_LARGE',
  'CHARLA_CALL_NOT_FOUND',
  'CHARLA_SESSION_NOT_FOUND',
  'CHARLA_CALL_EVENTS_MISSING',
];
/** A room is opened while its session is being written, and its agent may be quicker. ms */
const SESSION_IS_WRITTEN_MS = 10_000;
const problemSchema = z.object({ code: z.string() });

/** What became of events: kept; refused for good, with the code of the error; or not now, whether or not an API answered. */
export type Delivery =
  | { kind: 'taken' }
  | { kind: 'refused'; code: string }
  | { kind: 'away'; reason: string; isAnswered: boolean };

/** Gives the API events of a call, in order. */
export async function deliverEvents(
  config: Config,
  callId: string,
  events: readonly CallEvent[],
  signal?: AbortSignal,
): Promise<Delivery> {
  try {
    const response = await askApi(config, `/calls/${encodeURIComponent(callId)}/events`, {
      method: 'POST',
      body: { events },
      timeoutMs: TIMEOUT_MS,
      ...(signal !== undefined && { signal }),
    });
    const answer = await response.text();
    if (response.ok) return { kind: 'taken' };
    // By its code: a proxy in between has a 404 of its own.
    const code = problemSchema.safeParse(parseJson(answer)).data?.code ?? 'unknown';
    const isTooSoon = code === 'CHARLA_SESSION_NOT_FOUND' && isBeginning(events);
    if (FINAL.some((one) => one === code) && !isTooSoon) return { kind: 'refused', code };
    return { kind: 'away', reason: `${response.status} ${code}`, isAnswered: true };
  } catch (error) {
    return { kind: 'away', reason: messageOf(error), isAnswered: false };
  }
}

/** Whether a call has only just begun, and nothing of it was taken. */
function isBeginning([first]: readonly CallEvent[]): boolean {
  return first?.number === 1 && Date.now() - Date.parse(first.at) < SESSION_IS_WRITTEN_MS;
}

/** As many of the first events as may go in one request; at least one, where there is one. */
export function firstEvents(events: readonly CallEvent[]): CallEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, index) => {
    bytes += Buffer.byteLength(JSON.stringify(event));
    return index === MOST_EVENTS_AT_ONCE || (index > 0 && bytes > MOST_BYTES);
  });
  return end === -1 ? [...events] : events.slice(0, end);
}
