import { randomUUID } from 'node:crypto';
import { and, asc, count, eq, inArray, isNull, lte, min, sql } from 'drizzle-orm';
import { webhookOutbox } from '../store/schema.ts';
import type { Database, Store } from '../store/store.ts';

export type WebhookType = 'call.started' | 'call.ended' | 'session.updated';

export interface WebhookEvent {
  type: WebhookType;
  /** Whose session it tells of: deleted with it. */
  sessionId: string;
  /** JSON, as receivers see it under `data`. */
  payload: Record<string, unknown>;
}

/** A webhook for one receiver. */
export type WaitingWebhook = typeof webhookOutbox.$inferSelect;

/**
 * Webhooks that wait in the store, in the transaction of what they tell of: neither is there without the other. Each
 * function but `enqueue` throws what {@link Store.query} throws.
 */
export interface WebhookOutbox {
  /** One webhook, of the same id, for each of the receivers. */
  enqueue(db: Database, event: WebhookEvent, urls: readonly string[]): Promise<void>;
  /**
   * Takes webhooks that are due for a receiver, oldest first, so that nobody else takes them before `leaseMs` is over;
   * whoever neither removes nor postpones one by then was killed, and it is due again.
   */
  claim(url: string, limit: number, leaseMs: number): Promise<WaitingWebhook[]>;
  remove(webhook: WaitingWebhook): Promise<void>;
  postpone(webhook: WaitingWebhook, delayMs: number, reason: string): Promise<void>;
  /** It stays in the store, for somebody to see, until its session is deleted or it is older than RETENTION_DAYS. */
  giveUp(webhook: WaitingWebhook, reason: string): Promise<void>;
  /** All that wait for the receiver. @returns how many */
  giveUpAll(url: string, reason: string): Promise<number>;
  /** What waits for these receivers. */
  waiting(urls: readonly string[]): Promise<{ webhooks: number; oldest: Date | null }>;
}

/** @param clock - tells the time; of several servers on one store they have to agree within seconds */
export function createWebhookOutbox(store: Store, clock: () => Date = () => new Date()): WebhookOutbox {
  const inMs = (ms: number) => new Date(clock().getTime() + ms);
  /** The webhook as it was claimed: whoever claimed it after us decides. */
  const claimed = ({ id, url, attempts }: WaitingWebhook) =>
    and(eq(webhookOutbox.id, id), eq(webhookOutbox.url, url), eq(webhookOutbox.attempts, attempts));
  return {
    async enqueue(db, { type, sessionId, payload }, urls) {
      if (urls.length === 0) return;
      const now = clock();
      const common = {
        id: randomUUID(),
        type,
        sessionId,
        payload,
        createdAt: now,
        nextAttemptAt: now,
        attempts: 0,
      };
      await db.insert(webhookOutbox).values(urls.map((url) => ({ ...common, url })));
    },
    async claim(url, limit, leaseMs) {
      const now = clock();
      const rows = await store.query((db) => {
        // Of its own, so that it is run once: rows that others have locked are skipped, not counted.
        const due = db.$with('due').as(
          db
            .select({ id: webhookOutbox.id })
            .from(webhookOutbox)
            .where(
              and(
                eq(webhookOutbox.url, url),
                isNull(webhookOutbox.givenUpAt),
                lte(webhookOutbox.nextAttemptAt, now),
              ),
            )
            .orderBy(asc(webhookOutbox.nextAttemptAt))
            .limit(limit)
            .for('update', { skipLocked: true }),
        );
        return db
          .with(due)
          .update(webhookOutbox)
          .set({ attempts: sql`${webhookOutbox.attempts} + 1`, nextAttemptAt: inMs(leaseMs) })
          .where(
            and(eq(webhookOutbox.url, url), inArray(webhookOutbox.id, db.select({ id: due.id }).from(due))),
          )
          .returning();
      });
      return rows.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
    },
    async remove({ id, url }) {
      await store.query((db) =>
        db.delete(webhookOutbox).where(and(eq(webhookOutbox.id, id), eq(webhookOutbox.url, url))),
      );
    },
    async postpone(webhook, delayMs, lastError) {
      const change = { nextAttemptAt: inMs(delayMs), lastError };
      await store.query((db) => db.update(webhookOutbox).set(change).where(claimed(webhook)));
    },
    async giveUp(webhook, lastError) {
      const change = { givenUpAt: clock(), lastError };
      await store.query((db) => db.update(webhookOutbox).set(change).where(claimed(webhook)));
    },
    async giveUpAll(url, lastError) {
      const given = await store.query((db) =>
        db
          .update(webhookOutbox)
          .set({ givenUpAt: clock(), lastError })
          .where(and(eq(webhookOutbox.url, url), isNull(webhookOutbox.givenUpAt)))
          .returning({ id: webhookOutbox.id }),
      );
      return given.length;
    },
    async waiting(urls) {
      if (urls.length === 0) return { webhooks: 0, oldest: null };
      const [found] = await store.query((db) =>
        db
          .select({ webhooks: count(), oldest: min(webhookOutbox.createdAt) })
          .from(webhookOutbox)
          .where(and(inArray(webhookOutbox.url, [...urls]), isNull(webhookOutbox.givenUpAt))),
      );
      return found ?? { webhooks: 0, oldest: null };
    },
  };
}
