import { signatureHeaders } from './signature.ts';

export interface SignedPost {
  /** See {@link signatureHeaders}. */
  id: string;
  /** JSON. */
  body: string;
  secrets: readonly string[];
  /** For all of it, the answer included. */
  timeoutMs: number;
  /** Of the answer; what is longer is not read. */
  maxAnswerBytes: number;
  /** Ends it early. */
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  /** undefined when it is longer than was allowed. */
  text: string | undefined;
  /** What `Retry-After` asks for, ms. */
  retryAfterMs: number | undefined;
}

/**
 * Sends a signed message to an address of the configuration. Redirects are not followed: who may be told is configured,
 * not answered.
 *
 * @throws Error whose message says in a few words why there was no answer: `ECONNREFUSED`, `no answer within 800 ms`
 */
export async function postSigned(url: string, post: SignedPost): Promise<Answer> {
  const { id, body, secrets, timeoutMs, maxAnswerBytes, signal } = post;
  const abort = new AbortController();
  const stop = () => abort.abort(new Error('Charla was stopped meanwhile'));
  const tooLate = () => abort.abort(new Error(`no answer within ${timeoutMs} ms`));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(tooLate, timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Charla',
        ...signatureHeaders(secrets, { id, at: new Date(), body }),
      },
      body,
      signal: abort.signal,
    });
    return {
      status: response.status,
      text: await boundedText(response, maxAnswerBytes),
      retryAfterMs: retryAfter(response.headers.get('retry-after')),
    };
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : new Error(reasonOf(error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function boundedText({ body }: Response, maxBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop ends the connection.
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** `fetch` says «fetch failed» of everything; what it was stands below. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
