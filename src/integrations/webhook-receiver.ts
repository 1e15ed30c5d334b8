import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { postSigned } from './post-signed.ts';
import { GIVE_UP_AFTER_MS, retryDelay } from './retry-delay.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';
import type { WaitingWebhook, WebhookOutbox } from './webhook-outbox.ts';

export interface WebhookReceiverOptions {
  url: string;
  secrets: readonly string[];
  outbox: WebhookOutbox;
  metrics: WebhookMetrics;
  log: Logger;
  /** Wait after a failed attempt, see {@link retryDelay}. */
  delay?: typeof retryDelay;
  clock?: () => Date;
  /** How often is looked for what other servers left, and for what is due again, ms. @defaultValue 2000 */
  pollMs?: number;
}

/** Requests to one receiver at a time; another that hangs takes none of them. */
const CONCURRENCY = 8;
/** For one attempt. */
const TIMEOUT_MS = 10_000;
/** Nobody else takes a webhook while an attempt can still run, and its outcome be written. */
const LEASE_MS = TIMEOUT_MS + 5_000;
const POLL_MS = 2_000;
/** Looks after a webhook was enqueued, ms apart: it is there as soon as the transaction around it is over. */
const AFTER_ENQUEUE_MS = [5, 20, 100, 500] as const;
/** Attempts that run when the server is stopped may end by themselves for this long. */
const CLOSE_GRACE_MS = 3_000;
/** What a receiver answers is not used; reading a little of it keeps the connection. */
const MAX_ANSWER_BYTES = 16 * 1024;

/**
 * Delivers what waits for one receiver, until it is closed. Every webhook arrives at least once, in no certain order:
 * answered by 2xx it is gone; by 410 all that waits for the receiver is given up; anything else, and it is tried again
 * for three days.
 */
export class WebhookReceiver {
  readonly #options: WebhookReceiverOptions;
  /** For people and logs: paths and queries of webhook addresses are often secrets. */
  readonly #name: string;
  readonly #clock: () => Date;
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #loop: Promise<void>;
  #closing = false;
  #isFailing = false;
  #looks: number[] = [];
  #endPause: () => void = () => undefined;

  constructor(options: WebhookReceiverOptions) {
    this.#options = options;
    this.#name = new URL(options.url).origin;
    this.#clock = options.clock ?? (() => new Date());
    this.#loop = this.#run();
  }

  /** Looks for what is due now, and a few times more soon. */
  wake(): void {
    this.#looks = [...AFTER_ENQUEUE_MS];
    this.#endPause();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#endPause();
    await this.#loop;
    const grace = new AbortController();
    const inTime = sleep(CLOSE_GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), inTime]);
    grace.abort();
    this.#abort.abort();
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    let storeWorks = true;
    while (!this.#closing) {
      try {
        const mayBeMore = await this.#startDue();
        storeWorks = true;
        if (mayBeMore && this.#free > 0) continue;
      } catch (error) {
        // One line for each time that it goes away.
        if (storeWorks) this.#options.log.error({ err: error }, 'webhooks wait: the store does not answer');
        storeWorks = false;
      }
      const soon = storeWorks && this.#free > 0 ? this.#looks.shift() : undefined;
      await this.#pause(soon ?? this.#options.pollMs ?? POLL_MS);
    }
  }

  get #free(): number {
    return CONCURRENCY - this.#running.size;
  }

  /** @returns whether more may be due than could be taken */
  async #startDue(): Promise<boolean> {
    const { outbox, url } = this.#options;
    const free = this.#free;
    if (free === 0) return true;
    const webhooks = await outbox.claim(url, free, LEASE_MS);
    for (const webhook of webhooks) this.#start(webhook);
    return webhooks.length === free;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#closing) this.#endPause();
    });
  }

  #start(webhook: WaitingWebhook): void {
    const running = this.#deliver(webhook)
      // Its lease runs out, and it is tried again.
      .catch((error: unknown) =>
        this.#options.log.warn(
          { err: error, webhook: webhook.id },
          'what became of a webhook could not be written',
        ),
      )
      .finally(() => {
        const wasFull = this.#free === 0;
        this.#running.delete(running);
        // More may wait than could be taken.
        if (wasFull) this.#endPause();
      });
    this.#running.add(running);
  }

  async #deliver(webhook: WaitingWebhook): Promise<void> {
    const { outbox, metrics, delay = retryDelay } = this.#options;
    const answer = await this.#post(webhook);
    if (answer.status >= 200 && answer.status <= 299) {
      this.#tell(false);
      metrics.count('delivered');
      return outbox.remove(webhook);
    }
    const reason = answer.reason ?? `HTTP ${answer.status}`;
    if (this.#abort.signal.aborted) return outbox.postpone(webhook, 0, reason);
    metrics.count('failed');
    if (answer.status === 410) {
      const webhooks = await outbox.giveUpAll(webhook.url, reason);
      this.#logGivenUp(webhooks, reason);
    } else if (this.#clock().getTime() - webhook.createdAt.getTime() >= GIVE_UP_AFTER_MS) {
      await outbox.giveUp(webhook, reason);
      this.#logGivenUp(1, reason);
    } else {
      this.#tell(true, reason);
      await outbox.postpone(webhook, delay(webhook.attempts, answer.retryAfterMs), reason);
    }
  }

  async #post(webhook: WaitingWebhook): Promise<{ status: number; retryAfterMs?: number; reason?: string }> {
    const { id, url, type, createdAt, payload } = webhook;
    const body = JSON.stringify({ type, timestamp: createdAt.toISOString(), data: payload });
    const limits = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER_BYTES, signal: this.#abort.signal };
    try {
      const { status, retryAfterMs = 0 } = await postSigned(url, {
        id,
        body,
        secrets: this.#options.secrets,
        ...limits,
      });
      return { status, retryAfterMs };
    } catch (error) {
      return { status: 0, reason: messageOf(error) };
    }
  }

  /** One line when a receiver begins to fail, and one when it is well again. */
  #tell(isFailing: boolean, reason?: string): void {
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    const receiver = this.#name;
    if (isFailing)
      this.#options.log.warn({ receiver, reason }, 'a receiver takes no webhooks; they are tried again');
    else this.#options.log.info({ receiver }, 'the receiver takes webhooks again');
  }

  #logGivenUp(webhooks: number, reason: string): void {
    if (webhooks === 0) return;
    this.#options.metrics.count('given_up', webhooks);
    this.#options.log.error({ receiver: this.#name, webhooks, reason }, 'webhooks were given up');
  }
}
