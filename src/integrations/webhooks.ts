import type { Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { Database, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/log.ts';
import { registerWebhookMetrics } from './webhook-metrics.ts';
import { createWebhookOutbox, type WebhookEvent } from './webhook-outbox.ts';
import { WebhookReceiver, type WebhookReceiverOptions } from './webhook-receiver.ts';

export interface Webhooks {
  /** Whether there is anybody to tell. */
  readonly isOn: boolean;
  /**
   * Puts an event for every receiver into the transaction of what it tells of.
   *
   * @param db - of that transaction
   */
  enqueueWebhook(db: Database, event: WebhookEvent): Promise<void>;
  /** Begins to deliver. */
  start(): void;
  /** Ends deliveries; what was not delivered stays in the store. */
  close(): Promise<void>;
}

export interface WebhooksOptions extends Pick<WebhookReceiverOptions, 'delay' | 'clock' | 'pollMs'> {
  config: Pick<Config, 'WEBHOOK_URLS' | 'WEBHOOK_SECRET'>;
  store: Store;
  log: Logger;
  /** Where the metrics of the deliveries go. */
  registry: Registry;
}

/** Tells the receivers of WEBHOOK_URLS what happens, at least once each; several servers on one store share the work. */
export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { config, store, log, registry, ...rest } = options;
  const { WEBHOOK_URLS: urls, WEBHOOK_SECRET: secrets } = config;
  const outbox = createWebhookOutbox(store, options.clock);
  const metrics = registerWebhookMetrics(registry, () => outbox.waiting(urls).catch(() => undefined));
  let receivers: WebhookReceiver[] = [];
  return {
    isOn: urls.length > 0,
    async enqueueWebhook(db, event) {
      await outbox.enqueue(db, event, urls);
      for (const receiver of receivers) receiver.wake();
    },
    start() {
      receivers = urls.map((url) => new WebhookReceiver({ url, secrets, outbox, metrics, log, ...rest }));
    },
    async close() {
      await Promise.all(receivers.map((receiver) => receiver.close()));
    },
  };
}
