import { Ollama } from 'ollama';
import { CharlaError } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { TimeLimit } from '../time-limit.ts';

export interface OllamaOptions {
  /** `OLLAMA_HOST`, as a URL. */
  host: string;
  /** With or without a tag; without one Ollama takes `latest`. */
  model: string;
  /** Called while the model is downloaded. */
  onProgress?: (progress: OllamaProgress) => void;
  log: Logger;
  /** Gives the preparation up. */
  signal?: AbortSignal;
}

/** How far a download is; Ollama fetches a model layer by layer. */
export interface OllamaProgress {
  /** What Ollama says that it does: `pulling manifest`, `pulling 74701a8c35f6`, `verifying sha256 digest`… */
  status: string;
  /** Bytes of all layers that were begun; 0 before the first. */
  completed: number;
  total: number;
}

/** Longer than a pause between two callers, so that the next one finds the model in memory. */
const KEEP_ALIVE = '30m';
const ANSWER_TIMEOUT_MS = 3_000;
/** Between two signs of life of a download; Ollama retries its own connections within it. */
const STALL_TIMEOUT_MS = 60_000;
/** Time to bring a model into memory. */
const LOAD_TIMEOUT_MS = 120_000;

/**
 * Makes an Ollama ready for a call: downloads the model where it is missing, and brings it into memory, where it stays
 * for half an hour. Follows Ollama's `docs/api.md`: list, pull, and an empty generate, which loads.
 *
 * @throws CharlaError `CHARLA_OLLAMA_UNAVAILABLE` when nobody answers at `host`, `CHARLA_OLLAMA_MODEL` when there is no
 *   such model or it can't be loaded
 */
export async function prepareOllama(options: OllamaOptions): Promise<void> {
  const { host, model, log } = options;
  const { models } = await ask(options, ANSWER_TIMEOUT_MS, (client) => client.list()).catch(
    (error: unknown) => {
      throw new CharlaError('CHARLA_OLLAMA_UNAVAILABLE', { host, reason: reasonOf(error) }, { cause: error });
    },
  );
  try {
    if (!models.some((one) => one.name === tagged(model))) {
      log.info({ model }, 'Ollama downloads the model');
      await pull(options);
    }
    await ask(options, LOAD_TIMEOUT_MS, (client) =>
      client.generate({ model, prompt: '', keep_alive: KEEP_ALIVE, stream: false }),
    );
  } catch (error) {
    throw new CharlaError('CHARLA_OLLAMA_MODEL', { host, model, reason: reasonOf(error) }, { cause: error });
  }
  log.info({ model }, 'the model is in the memory of Ollama');
}

async function pull(options: OllamaOptions): Promise<void> {
  const layers = new Map<string, OllamaProgress>();
  const sum = (field: 'completed' | 'total') =>
    [...layers.values()].reduce((bytes, layer) => bytes + layer[field], 0);
  await ask(options, STALL_TIMEOUT_MS, async (client, limit) => {
    for await (const progress of await client.pull({ model: options.model, stream: true })) {
      limit.restart();
      const {
        status,
        digest,
        total = 0,
        completed = 0,
      }: Partial<typeof progress> & { status: string } = progress;
      if (digest !== undefined) layers.set(digest, { status, total, completed });
      options.onProgress?.({ status, completed: sum('completed'), total: sum('total') });
    }
  });
}

/** One request, or one stream that restarts the limit with each sign of life. */
async function ask<T>(
  { host, signal }: OllamaOptions,
  timeoutMs: number,
  request: (client: Ollama, limit: TimeLimit) => Promise<T>,
): Promise<T> {
  const limit = new TimeLimit(timeoutMs, signal);
  const client = new Ollama({
    host,
    fetch: (input, init) => fetch(input, { ...init, signal: limit.signal }),
  });
  try {
    return await request(client, limit);
  } catch (error) {
    if (limit.exceeded) throw new Error(`no answer within ${timeoutMs} ms`, { cause: error });
    throw error;
  } finally {
    limit.stop();
  }
}

function tagged(model: string): string {
  return model.includes(':') ? model : `${model}:latest`;
}

/** `fetch` says only «fetch failed»; why stands in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.message === 'fetch failed'
    ? error.cause.message
    : error.message;
}
