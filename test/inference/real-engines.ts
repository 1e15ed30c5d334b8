import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import OpenAI from 'openai';
import { loadConfig } from '../../src/config/config.ts';
import { createInferenceServer, type InferenceOptions } from '../../src/inference/server.ts';
import { createLogger } from '../../src/telemetry/log.ts';

export interface RealEngines {
  server: FastifyInstance;
  /** Where it listens, without `/v1`. */
  url: string;
  client: OpenAI;
  close: () => Promise<void>;
}

/**
 * The inference server on a free port of loopback with the real models of CHARLA_HOME, which the test run has set up,
 * and OpenAI's own client for it.
 */
export async function startRealEngines(options: Partial<InferenceOptions> = {}): Promise<RealEngines> {
  const log = createLogger('inference', 'fatal');
  const server = await createInferenceServer({ home: loadConfig().CHARLA_HOME, log, ...options });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  await untilReady(url);
  return { server, url, client, close: () => server.close() };
}

/** What `/health` says of a model. */
export async function modelHealth(url: string, id: string): Promise<{ running: number; waiting: number }> {
  const { models } = await health(url);
  const model = models[id];
  if (model === undefined) throw new Error(`/health does not know ${id}`);
  return model;
}

/** Waits until a model has nothing to do. */
export async function untilIdle(url: string, id: string): Promise<void> {
  for (;;) {
    const { running, waiting } = await modelHealth(url, id);
    if (running === 0 && waiting === 0) return;
    await sleep(50);
  }
}

interface Health {
  status: string;
  models: Record<string, { state: string; reason?: string; running: number; waiting: number }>;
  memory: { rssBytes: number };
}

export async function health(url: string): Promise<Health> {
  const response = await fetch(`${url}/health`);
  return (await response.json()) as Health;
}

async function untilReady(url: string): Promise<void> {
  for (;;) {
    const { status, models } = await health(url);
    if (status === 'ok') return;
    if (status === 'failed') throw new Error(`a model failed: ${JSON.stringify(models)}`);
    await sleep(100);
  }
}
