import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { CharlaError } from '../../errors.ts';
import { FairQueue, QueueFullError } from '../fair-queue.ts';
import { startThread } from '../start-thread.ts';
import type { EngineName, EngineOptions, Job, Jobs } from './engine.ts';
import { type FromWorker, fromPortable, type ToWorker, type WorkerData } from './worker-protocol.ts';

/** How long a client is asked to wait before it tries again. */
const RETRY_AFTER_SECONDS = 2;
/** A run of Kokoro or Whisper that is under way can't be stopped; this is about the longest. */
const DISPOSE_LIMIT_MS = 4000;
const TERMINATE_LIMIT_MS = 1000;

export interface EngineHostOptions extends EngineOptions {
  engine: EngineName;
  /** Most requests that wait for this engine. */
  queueLimit: number;
  /** Told when the thread of a loaded model ends by itself. */
  onLost?: () => void;
}

export interface RunOptions<J extends Job> {
  /** Requests of one client wait for each other; clients take turns. */
  client: string;
  signal: AbortSignal;
  onChunk?: (chunk: Jobs[J]['chunk']) => void;
}

export interface EngineStatus {
  state: 'loading' | 'ready' | 'failed';
  loadMs?: number;
  reason?: string;
  running: number;
  waiting: number;
}

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  onChunk: (chunk: unknown) => void;
}

/** One engine in a worker thread, with its queue. The thread starts at once; requests wait until the model is loaded. */
export class EngineHost<J extends Job> {
  readonly #id: string;
  readonly #worker: Worker;
  readonly #queue: FairQueue;
  readonly #pending = new Map<number, Pending>();
  readonly #ready: Promise<void>;
  readonly #onLost: (() => void) | undefined;
  #state: EngineStatus['state'] = 'loading';
  #loadMs: number | undefined;
  #failure: CharlaError | undefined;
  readonly #clients = new Map<number, string>();
  readonly #held = new Map<string, number>();
  #closing = false;
  #lastId = 0;

  constructor({ engine, queueLimit, onLost, ...options }: EngineHostOptions) {
    this.#id = options.id;
    this.#onLost = onLost;
    this.#queue = new FairQueue({ concurrency: 1, limit: queueLimit });
    const workerData: WorkerData = { engine, options };
    this.#worker = startThread(new URL('./engine-worker.ts', import.meta.url), workerData);
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        this.#receive(message);
        if (message.kind === 'ready') resolve();
        if (message.kind === 'failed') reject(this.#failure);
      });
      this.#worker.once('error', (error) => reject(this.#fail(modelFailed(this.#id, error.message))));
      this.#worker.once('exit', (code) => {
        reject(this.#fail(modelFailed(this.#id, `its thread ended with code ${code}`)));
      });
    });
    this.#ready.catch(() => undefined);
  }

  /** Resolves when the model is loaded. @throws CharlaError when it can't be */
  whenReady(): Promise<void> {
    return this.#ready;
  }

  status(): EngineStatus {
    return {
      state: this.#state,
      ...(this.#loadMs === undefined ? {} : { loadMs: this.#loadMs }),
      ...(this.#failure === undefined ? {} : { reason: this.#failure.message }),
      running: this.#queue.running,
      waiting: this.#queue.waiting,
    };
  }

  /**
   * Sends a request to the engine when it is its client's turn.
   *
   * @throws CharlaError `CHARLA_MODEL_QUEUE_FULL`, or what the engine threw
   * @throws the signal's reason, as soon as it aborts
   */
  async run(request: Jobs[J]['request'], options: RunOptions<J>): Promise<Jobs[J]['result']> {
    const { client, signal } = options;
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await new Promise<Jobs[J]['result']>((resolve, reject) => {
        // A request that nobody waits for any more fails at once, but keeps its place until the engine has let go.
        const giveUp = () => reject(signal.reason);
        signal.addEventListener('abort', giveUp, { once: true });
        this.#queue
          .run(client, signal, async () => {
            await this.#ready;
            return this.#send(request, options);
          })
          .then(resolve, reject)
          .finally(() => signal.removeEventListener('abort', giveUp));
      });
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      throw new CharlaError('CHARLA_MODEL_QUEUE_FULL', {
        id: this.#id,
        waiting: error.waiting,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
  }

  /**
   * Has the engine stop between two steps of a client's requests, those that come meanwhile included. Not for longer than
   * two seconds of each, see `Brake`.
   *
   * @returns what lets them go on
   */
  hold(client: string): () => void {
    const change = (by: number) => {
      const before = this.#held.get(client) ?? 0;
      const after = before + by;
      if (after === 0) this.#held.delete(client);
      else this.#held.set(client, after);
      if (before > 0 === after > 0) return;
      for (const [id, of] of this.#clients)
        if (of === client) this.#post({ kind: 'hold', id, on: after > 0 });
    };
    change(1);
    return () => change(-1);
  }

  /** Ends the thread, after its engine has freed its native memory: ending it under a native call crashes the process. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#state === 'failed') return;
    const disposed = new Promise<void>((resolve) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'disposed') resolve();
      });
    });
    const goodbye = this.#ready.then(() => {
      this.#post({ kind: 'dispose' });
      return disposed;
    });
    await Promise.race([goodbye.catch(() => undefined), sleep(DISPOSE_LIMIT_MS, undefined, { ref: false })]);
    await Promise.race([this.#worker.terminate(), sleep(TERMINATE_LIMIT_MS, undefined, { ref: false })]);
  }

  #send(request: Jobs[J]['request'], { client, signal, onChunk }: RunOptions<J>): Promise<Jobs[J]['result']> {
    signal.throwIfAborted();
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<Jobs[J]['result']>((resolve, reject) => {
      const cancel = () => this.#post({ kind: 'cancel', id });
      signal.addEventListener('abort', cancel, { once: true });
      const settled = () => {
        signal.removeEventListener('abort', cancel);
        this.#pending.delete(id);
        this.#clients.delete(id);
      };
      this.#pending.set(id, {
        resolve: (result) => {
          settled();
          resolve(result as Jobs[J]['result']);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
        onChunk: (chunk) => {
          if (!signal.aborted) onChunk?.(chunk as Jobs[J]['chunk']);
        },
      });
      this.#clients.set(id, client);
      this.#post({ kind: 'run', id, request });
      if (this.#held.has(client)) this.#post({ kind: 'hold', id, on: true });
    });
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#state = 'ready';
        this.#loadMs = message.loadMs;
        this.#queue.concurrency = message.concurrency;
        return;
      case 'failed':
        this.#fail(fromPortable(message.error));
        return;
      case 'chunk':
        this.#pending.get(message.id)?.onChunk(message.chunk);
        return;
      case 'done':
        this.#pending.get(message.id)?.resolve(message.result);
        return;
      case 'error':
        this.#pending.get(message.id)?.reject(fromPortable(message.error));
    }
  }

  #fail(error: CharlaError): CharlaError {
    if (this.#closing || this.#failure !== undefined) return this.#failure ?? error;
    const lost = this.#state === 'ready';
    this.#state = 'failed';
    this.#failure = error;
    for (const pending of [...this.#pending.values()]) pending.reject(error);
    if (lost) this.#onLost?.();
    return error;
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

function modelFailed(id: string, reason: string): CharlaError {
  return new CharlaError('CHARLA_MODEL_FAILED', { id, reason });
}
