import { setMaxListeners } from 'node:events';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config/config.ts';
import { CharlaError, messageOf } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { TOO_LATE, within } from '../within.ts';
import { askHook, type HookAnswer, type HookUser } from './ask-hook.ts';

export interface LookUp<T> {
  /** What is known now; undefined when nothing is. */
  dataTools: T | undefined;
  /** While the hook is still being asked: its answer, or undefined when it fails. */
  late?: Promise<T | undefined>;
}

/** The integrator's own system, which knows the users. */
export interface DataToolsHook<T> {
  /** Waits at most DATA_TOOLS_TIMEOUT_MS, and only for a user of whom nothing is known; never throws. */
  lookUp(user: HookUser): Promise<LookUp<T>>;
  /**
   * Asks now, whatever is known; waits at most DATA_TOOLS_TIMEOUT_MS.
   *
   * @throws CharlaError `CHARLA_DATA_TOOLS_HOOK_FAILED`
   */
  refresh(user: HookUser): Promise<T>;
  /** Ends what is being asked. */
  close(): void;
}

export interface DataToolsHookOptions<T> {
  config: Pick<
    Config,
    'DATA_TOOLS_TIMEOUT_MS' | 'DATA_TOOLS_FRESH_SECONDS' | 'DATA_TOOLS_STALE_SECONDS' | 'WEBHOOK_SECRET'
  >;
  /** DATA_TOOLS_URL. */
  url: string;
  log: Logger;
  /** Checks data tools that came from outside. @throws CharlaError */
  parse: (value: unknown) => T;
}

/** After DATA_TOOLS_TIMEOUT_MS nobody waits any more, but a running call can still have the answer. ms */
const LATE_LIMIT_MS = 10_000;
/** Of all answers that are kept. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/**
 * Asks the hook at DATA_TOOLS_URL, and keeps its answers in memory: fresh ones are used as they are, stale ones at once
 * while the next is fetched (stale-while-revalidate, RFC 5861). Those who look the same user up at the same time share
 * one request.
 */
export function createDataToolsHook<T>(options: DataToolsHookOptions<T>): DataToolsHook<T> {
  const { config, url, log, parse } = options;
  const { DATA_TOOLS_TIMEOUT_MS: timeoutMs, WEBHOOK_SECRET: secrets } = config;
  const freshMs = config.DATA_TOOLS_FRESH_SECONDS * 1000;
  const keptMs = freshMs + config.DATA_TOOLS_STALE_SECONDS * 1000;
  const { origin } = new URL(url);
  const closing = new AbortController();
  // Each request listens, and there may be many.
  setMaxListeners(0, closing.signal);
  const asked = new Map<string, Promise<T>>();
  const kept = new LRUCache<string, HookAnswer<T> & { askedAt: number }>({
    maxSize: MAX_KEPT_BYTES,
    sizeCalculation: ({ bytes }, key) => bytes + key.length,
    ttl: keptMs,
    // What is known about people is not kept longer because nobody asks for it.
    ttlAutopurge: true,
  });

  const ask = (key: string, user: HookUser): Promise<T> => {
    const askedAt = performance.now();
    const limits = { timeoutMs: LATE_LIMIT_MS, signal: closing.signal };
    const asking: Promise<T> = askHook(user, { url, secrets, parse, ...limits })
      .then((answer) => {
        // One that was asked for earlier may come later.
        const isNewest = askedAt >= (kept.get(key)?.askedAt ?? 0);
        if (isNewest && keptMs > 0) kept.set(key, { ...answer, askedAt });
        return answer.dataTools;
      })
      .finally(() => {
        if (asked.get(key) === asking) asked.delete(key);
      });
    asked.set(key, asking);
    asking.catch((error: unknown) => {
      const reason = messageOf(error);
      if (!closing.signal.aborted) log.warn({ hook: origin, reason }, 'the hook for data tools failed');
    });
    return asking;
  };

  return {
    async lookUp(user) {
      const key = keyOf(user);
      const known = kept.get(key);
      if (known !== undefined && performance.now() - known.askedAt < freshMs) {
        return { dataTools: known.dataTools };
      }
      const late = (asked.get(key) ?? ask(key, user)).catch(() => undefined);
      if (known !== undefined) return { dataTools: known.dataTools, late };
      const answer = await within(timeoutMs, late);
      return answer === TOO_LATE ? { dataTools: undefined, late } : { dataTools: answer };
    },
    async refresh(user) {
      // Not the request that runs: it may have been answered before what the caller knows of happened.
      const asking = ask(keyOf(user), user);
      const failed = (reason: string) =>
        new CharlaError('CHARLA_DATA_TOOLS_HOOK_FAILED', { url: origin, reason });
      const answer = await within(timeoutMs, asking).catch((error: unknown) => {
        throw failed(messageOf(error));
      });
      if (answer === TOO_LATE) throw failed(`no answer within ${timeoutMs} ms`);
      return answer;
    },
    close: () => closing.abort(),
  };
}

/** Everything that the hook is told may change its answer. */
function keyOf({ userId, profile, channel, language, phone }: HookUser): string {
  return JSON.stringify([userId, profile, channel, language, phone]);
}
