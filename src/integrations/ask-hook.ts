import { randomUUID } from 'node:crypto';
import pRetry from 'p-retry';
import { z } from 'zod';
import { CharlaError, messageOf } from '../errors.ts';
import { parseJson } from '../parse-json.ts';
import { type Answer, postSigned } from './post-signed.ts';

/** Whom the hook is asked about. */
export interface HookUser {
  userId: string;
  profile: string;
  channel: string;
  language: string;
  /** The person's telephone number, where they have called or are called. */
  phone?: string | undefined;
}

export interface AskHookOptions<T> {
  url: string;
  secrets: readonly string[];
  /** Checks data tools that came from outside. @throws CharlaError */
  parse: (value: unknown) => T;
  /** For both attempts. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface HookAnswer<T> {
  dataTools: T;
  /** Of the answer as it came. */
  bytes: number;
}

const RETRY_AFTER_MS = 100;
/** The largest data tools and what stands around them. */
const MAX_ANSWER_BYTES = 300 * 1024;
/** The receiver, or what stands before it, asks to come again. */
const TRANSIENT = new Set([429, 502, 503, 504]);

const answerSchema = z.object({ user_id: z.string().optional(), data_tools: z.unknown() });

/**
 * Asks an integrator's hook for the data tools of a user: `POST {user_id, profile, channel, language, phone}`, answered by
 * `{data_tools: {…}}`, or by 404 for a user that it does not know. Once more when no answer came or the hook is busy:
 * looking somebody up changes nothing.
 *
 * @throws Error whose message says why, without anything of the user
 */
export async function askHook<T>(user: HookUser, options: AskHookOptions<T>): Promise<HookAnswer<T>> {
  const { url, secrets, timeoutMs, signal, parse } = options;
  const { userId, profile, channel, language, phone } = user;
  const id = randomUUID();
  const body = JSON.stringify({ user_id: userId, profile, channel, language, phone });
  const end = performance.now() + timeoutMs;
  const attempt = async () => {
    const left = Math.max(1, Math.round(end - performance.now()));
    const post = { id, body, secrets, timeoutMs: left, maxAnswerBytes: MAX_ANSWER_BYTES, signal };
    return readAnswer(await postSigned(url, post).catch(transient), userId, parse);
  };
  return pRetry(attempt, {
    retries: 1,
    minTimeout: RETRY_AFTER_MS,
    shouldRetry: ({ error }) => error instanceof TransientError && !signal.aborted && performance.now() < end,
  });
}

function readAnswer<T>(answer: Answer, userId: string, parse: AskHookOptions<T>['parse']): HookAnswer<T> {
  const { status, text } = answer;
  if (status === 404) return { dataTools: parse({}), bytes: 0 };
  if (TRANSIENT.has(status)) throw new TransientError(`HTTP ${status}`);
  if (status < 200 || status > 299) throw new Error(`HTTP ${status}`);
  if (text === undefined) throw new Error(`its answer is over ${MAX_ANSWER_BYTES / 1024} KiB`);
  const read = answerSchema.safeParse(parseJson(text));
  if (!read.success) throw new Error('its answer is not {"data_tools": {…}}');
  const { user_id: about, data_tools: dataTools } = read.data;
  if (about !== undefined && about !== userId) throw new Error('its answer is about another user');
  try {
    return { dataTools: parse(dataTools), bytes: Buffer.byteLength(text) };
  } catch (error) {
    // The sentence would repeat keys of the data.
    if (error instanceof CharlaError) throw new Error(`its data tools are not valid: ${error.code}`);
    throw error;
  }
}

class TransientError extends Error {}

function transient(error: unknown): never {
  throw new TransientError(messageOf(error));
}
