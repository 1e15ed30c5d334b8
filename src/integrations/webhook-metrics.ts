import { Counter, Gauge, type Registry } from 'prom-client';

export interface WebhookMetrics {
  /** `failed`: an attempt that is made again; `given_up`: a webhook that is not. */
  count(result: 'delivered' | 'failed' | 'given_up', webhooks?: number): void;
}

/**
 * Registers what is to be known of webhooks. What waits is asked of the store with each scrape: all servers on one store
 * say the same.
 *
 * @param waiting - how many webhooks wait, and since when the oldest does; undefined while the store cannot say
 */
export function registerWebhookMetrics(
  registry: Registry,
  waiting: () => Promise<{ webhooks: number; oldest: Date | null } | undefined>,
): WebhookMetrics {
  const deliveries = new Counter({
    name: 'webhook_deliveries_total',
    help: 'Attempts to deliver a webhook, and webhooks that were given up.',
    labelNames: ['result'],
    registers: [registry],
  });
  for (const result of ['delivered', 'failed', 'given_up']) deliveries.inc({ result }, 0);
  // Both are asked for at the same time, and share the answer.
  let asking: ReturnType<typeof waiting> | undefined;
  const ask = () => {
    asking ??= waiting().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  new Gauge({
    name: 'webhooks_waiting',
    help: 'Webhooks that wait to be delivered, those of all servers on the store.',
    registers: [registry],
    async collect() {
      const found = await ask();
      if (found !== undefined) this.set(found.webhooks);
    },
  });
  new Gauge({
    name: 'webhooks_oldest_waiting_seconds',
    help: 'Age of the oldest webhook that waits to be delivered.',
    registers: [registry],
    async collect() {
      const found = await ask();
      if (found === undefined) return;
      this.set(found.oldest === null ? 0 : Math.max(0, (Date.now() - found.oldest.getTime()) / 1000));
    },
  });
  return { count: (result, webhooks = 1) => deliveries.inc({ result }, webhooks) };
}
