import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { CharlaError } from '../../src/errors.ts';
import { signatureHeaders } from '../../src/integrations/signature.ts';
import { createWebhookOutbox } from '../../src/integrations/webhook-outbox.ts';
import { createWebhooks, type Webhooks, type WebhooksOptions } from '../../src/integrations/webhooks.ts';
import { sessions, webhookOutbox } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { addSession } from '../support/call-events.ts';
import { answering, type HttpReceiver, startHttpReceiver } from '../support/http-receiver.ts';
import { logLines } from '../support/log-lines.ts';
import { openTestStore } from '../support/store.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const DAY = 86_400_000;

let store: Store;
let receiver: HttpReceiver;
let sessionId: string;
const running: Webhooks[] = [];

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store?.close());
beforeEach(async () => {
  receiver = await startHttpReceiver();
  sessionId = randomUUID();
  await addSession(store, sessionId, 'ana');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((webhooks) => webhooks.close()));
  await receiver.stop();
  await store.query((db) => db.delete(sessions));
});

/** Webhooks for one or more receivers; tried again at once. */
function webhooksFor(urls: string[], options: Partial<WebhooksOptions> = {}) {
  const registry = new Registry();
  const { log, lines } = logLines();
  const config = loadConfig({ WEBHOOK_URLS: urls.join(','), WEBHOOK_SECRET: SECRET });
  const webhooks = createWebhooks({ config, store, log, registry, delay: () => 10, pollMs: 20, ...options });
  running.push(webhooks);
  return { webhooks, lines, metrics: () => registry.metrics() };
}

const tell = (webhooks: Webhooks, payload: Record<string, unknown> = {}) =>
  store.query((db) =>
    db.transaction((tx) => webhooks.enqueueWebhook(tx, { type: 'session.updated', sessionId, payload })),
  );
const outbox = () => store.query((db) => db.select().from(webhookOutbox));
const emptyOutbox = () => vi.waitFor(async () => expect(await outbox()).toEqual([]), 10_000);
const ids = () => receiver.received.map(({ headers }) => String(headers['webhook-id']));

describe('a webhook', () => {
  it('reaches every receiver, signed, and leaves the store', async () => {
    const other = await startHttpReceiver();
    const { webhooks, metrics } = webhooksFor([receiver.url, other.url]);
    webhooks.start();
    await tell(webhooks, { revision: 2, z: 1, a: 2 });
    await emptyOutbox();
    for (const { received } of [receiver, other]) {
      const [got] = received;
      expect(received).toHaveLength(1);
      expect(got?.headers['content-type']).toBe('application/json');
      expect(got?.body).toEqual({
        type: 'session.updated',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        data: { revision: 2, z: 1, a: 2 },
      });
      const id = String(got?.headers['webhook-id']);
      const at = new Date(Number(got?.headers['webhook-timestamp']) * 1000);
      expect(got?.headers).toMatchObject(signatureHeaders([SECRET], { id, at, body: got?.text ?? '' }));
    }
    expect(other.received[0]?.headers['webhook-id']).toBe(ids()[0]);
    expect(await metrics()).toContain('webhook_deliveries_total{result="delivered"} 2');
    await other.stop();
  });

  it('is there if and only if the transaction of what it tells of is', async () => {
    const { webhooks } = webhooksFor([receiver.url]);
    webhooks.start();
    const failing = store.query((db) =>
      db.transaction(async (tx) => {
        await webhooks.enqueueWebhook(tx, { type: 'session.updated', sessionId, payload: { lost: true } });
        throw new Error('the change failed');
      }),
    );
    await expect(failing).rejects.toThrow('the change failed');
    await tell(webhooks, { lost: false });
    await emptyOutbox();
    expect(receiver.received.map(({ body }) => body)).toMatchObject([{ data: { lost: false } }]);
  });

  it('is none where nobody wants to be told', async () => {
    const { webhooks, metrics } = webhooksFor([]);
    expect(webhooks.isOn).toBe(false);
    webhooks.start();
    await tell(webhooks);
    expect(await outbox()).toEqual([]);
    expect(await metrics()).toContain('webhooks_waiting 0');
  });

  it('goes with the session that it tells of', async () => {
    const { webhooks } = webhooksFor([receiver.url]);
    await tell(webhooks);
    expect(await outbox()).toHaveLength(1);
    await store.query((db) => db.delete(sessions).where(eq(sessions.id, sessionId)));
    expect(await outbox()).toEqual([]);
  });
});

describe('a receiver', () => {
  it('that fails, asks for time, redirects or is away gets the same webhook again until it takes it', async () => {
    const elsewhere = await startHttpReceiver();
    const answers = [
      answering(500),
      answering(302, undefined, { location: elsewhere.url }),
      answering(400, { error: 'no' }),
      answering(503, undefined, { 'retry-after': '1' }),
    ];
    receiver.answer = (request, response) =>
      (answers.shift() ?? answering(200, { ok: true }))(request, response);
    const asked: (number | undefined)[] = [];
    const delay = (_attempts: number, retryAfterMs?: number) => asked.push(retryAfterMs);
    const { webhooks, lines, metrics } = webhooksFor([receiver.url], { delay });
    await receiver.stop();
    webhooks.start();
    await tell(webhooks, { revision: 7 });
    await vi.waitFor(
      async () => expect(await outbox()).toMatchObject([{ lastError: 'ECONNREFUSED' }]),
      10_000,
    );
    await receiver.start();
    await vi.waitFor(async () => expect(await outbox()).toEqual([]), { timeout: 25_000 });
    expect(receiver.received).toHaveLength(5);
    expect(new Set(ids()).size).toBe(1);
    expect(new Set(receiver.received.map(({ text }) => text)).size).toBe(1);
    expect(asked.slice(-4)).toEqual([0, 0, 0, 1_000]);
    expect(elsewhere.received).toEqual([]);
    expect(await metrics()).toContain('webhook_deliveries_total{result="delivered"} 1');
    const said = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(said).toEqual([
      'a receiver takes no webhooks; they are tried again',
      'the receiver takes webhooks again',
    ]);
    await elsewhere.stop();
  });

  it('that answers 410 is told nothing more of what waits', async () => {
    receiver.answer = answering(410);
    const { webhooks, lines, metrics } = webhooksFor([receiver.url]);
    for (const revision of [1, 2, 3]) await tell(webhooks, { revision });
    webhooks.start();
    const givenUp = { givenUpAt: expect.any(Date), lastError: 'HTTP 410' };
    await vi.waitFor(async () => expect(await outbox()).toMatchObject([givenUp, givenUp, givenUp]), 10_000);
    await webhooks.close();
    expect(receiver.received.length).toBeLessThanOrEqual(3);
    expect(lines.join('')).toContain('webhooks were given up');
    expect(await metrics()).toContain('webhook_deliveries_total{result="given_up"} 3');
    expect(await metrics()).toContain('webhooks_waiting 0');
  });

  it('that fails for three days has the webhook given up, and its own address stays out of the log', async () => {
    receiver.answer = answering(500);
    let days = 0;
    const clock = () => new Date(Date.now() + days * DAY);
    const url = `${receiver.url}/a-secret-path`;
    const { webhooks, lines } = webhooksFor([url], { clock });
    await tell(webhooks);
    webhooks.start();
    await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThan(1), 10_000);
    expect(await outbox()).toMatchObject([{ givenUpAt: null }]);
    days = 3;
    await vi.waitFor(
      async () => expect(await outbox()).toMatchObject([{ givenUpAt: expect.any(Date) }]),
      10_000,
    );
    expect(lines.join('')).toContain('webhooks were given up');
    expect(lines.join('')).not.toContain('a-secret-path');
  });

  it('that hangs keeps the others waiting for nothing', async () => {
    const hanging = await startHttpReceiver();
    hanging.answer = () => undefined;
    const { webhooks } = webhooksFor([hanging.url, receiver.url]);
    webhooks.start();
    for (let revision = 0; revision < 20; revision += 1) await tell(webhooks, { revision });
    await vi.waitFor(() => expect(new Set(ids()).size).toBe(20), 10_000);
    // As many as it may have at a time, and no more.
    expect(hanging.received.length).toBe(8);
    await hanging.stop();
  });

  it('that sends a long answer is not listened to for long', async () => {
    receiver.answer = (_request, response) => {
      response.writeHead(200);
      const piece = Buffer.alloc(64 * 1024, 'x');
      const write = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', write);
      write();
    };
    const { webhooks } = webhooksFor([receiver.url]);
    webhooks.start();
    await tell(webhooks);
    await emptyOutbox();
    expect(receiver.received).toHaveLength(1);
  });
});

describe('several servers on one store', () => {
  it('share the work: nobody does what another does', async () => {
    receiver.answer = (_request, response) => setTimeout(() => response.writeHead(204).end(), 5);
    const servers = [1, 2, 3].map(() => webhooksFor([receiver.url]).webhooks);
    for (const server of servers) server.start();
    const tellers = Array.from({ length: 100 }, (_, revision) => servers[revision % 3]);
    await Promise.all(tellers.map((server, revision) => server && tell(server, { revision })));
    await emptyOutbox();
    expect(receiver.received).toHaveLength(100);
    expect(new Set(ids()).size).toBe(100);
  });

  it('do again what one of them had begun when it was killed, once its lease is over', async () => {
    const { webhooks } = webhooksFor([receiver.url]);
    await tell(webhooks, { revision: 1 });
    const killed = createWebhookOutbox(store);
    expect(await killed.claim(receiver.url, 8, 60_000)).toHaveLength(1);
    expect(await killed.claim(receiver.url, 8, 60_000)).toEqual([]);
    const later = new Date(Date.now() + 60_001);
    const other = webhooksFor([receiver.url], { clock: () => later });
    other.webhooks.start();
    await emptyOutbox();
    expect(receiver.received).toHaveLength(1);
  });

  it('deliver to the receivers of their own configuration only', async () => {
    const old = webhooksFor([receiver.url, 'http://127.0.0.1:9/gone']);
    await tell(old.webhooks);
    const { webhooks, metrics } = webhooksFor([receiver.url]);
    webhooks.start();
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), 10_000);
    await vi.waitFor(async () => expect(await metrics()).toContain('webhooks_waiting 0'), 10_000);
    expect(await outbox()).toMatchObject([{ url: 'http://127.0.0.1:9/gone', attempts: 0 }]);
  });
});

describe('while the store does not answer', () => {
  /** The store, as long as it is there. */
  function fragile() {
    const state = { isAway: false };
    const query: Store['query'] = (operation) => {
      if (state.isAway)
        throw new CharlaError('CHARLA_STORE_UNAVAILABLE', { address: 'here', reason: 'away' });
      return store.query(operation);
    };
    return { state, store: { ...store, query } };
  }

  it('webhooks wait, and one line says so', async () => {
    const { state, store: sometimes } = fragile();
    const { webhooks, lines, metrics } = webhooksFor([receiver.url], { store: sometimes });
    await tell(webhooks);
    state.isAway = true;
    webhooks.start();
    await vi.waitFor(() => expect(lines).toHaveLength(1), 10_000);
    expect(lines[0]).toContain('webhooks wait');
    expect(await metrics()).toContain('webhook_deliveries_total{result="delivered"} 0');
    state.isAway = false;
    await emptyOutbox();
    expect(lines).toHaveLength(1);
    expect(receiver.received).toHaveLength(1);
  });

  it('one that was taken comes again, under the same id', async () => {
    const { state, store: sometimes } = fragile();
    let later = 0;
    const clock = () => new Date(Date.now() + later);
    const { webhooks, lines } = webhooksFor([receiver.url], { store: sometimes, clock });
    receiver.answer = (_request, response) => {
      state.isAway = true;
      response.writeHead(204).end();
    };
    await tell(webhooks);
    webhooks.start();
    await vi.waitFor(() => expect(lines.join('')).toContain('could not be written'), 10_000);
    state.isAway = false;
    receiver.answer = answering(204);
    later = 60_000;
    await emptyOutbox();
    expect(ids()).toHaveLength(2);
    expect(new Set(ids()).size).toBe(1);
  });
});

describe('a server that is stopped', () => {
  it('leaves what was not delivered to the next one, at once', async () => {
    receiver.answer = () => undefined;
    const first = webhooksFor([receiver.url]);
    first.webhooks.start();
    await tell(first.webhooks);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), 10_000);
    await first.webhooks.close();
    expect(await outbox()).toMatchObject([{ lastError: 'Charla was stopped meanwhile' }]);
    receiver.answer = answering(204);
    webhooksFor([receiver.url]).webhooks.start();
    await emptyOutbox();
    expect(new Set(ids()).size).toBe(1);
  });

  it('tells how much waits, and for how long the oldest has', async () => {
    const { webhooks, metrics } = webhooksFor([receiver.url], { clock: () => new Date(Date.now() - 60_000) });
    await tell(webhooks);
    await tell(webhooks);
    const text = await metrics();
    expect(text).toContain('webhooks_waiting 2');
    const age = Number(/^webhooks_oldest_waiting_seconds (\S+)$/m.exec(text)?.[1]);
    expect(age).toBeGreaterThanOrEqual(60);
    expect(age).toBeLessThan(3_600);
  });
});
