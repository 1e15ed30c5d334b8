import { CharlaError, messageOf } from '../errors.ts';
import { CATALOGUE, type Model } from './catalogue.ts';
import type { Job } from './engines/engine.ts';
import { EngineHost, type EngineStatus } from './engines/engine-host.ts';
import { ModelStore } from './model-store.ts';

/** Names that clients of OpenAI send, and the model that answers to them. */
const ALIASES: Readonly<Record<string, string>> = {
  'whisper-1': 'whisper-base',
  'tts-1': 'kokoro',
  'tts-1-hd': 'kokoro',
};
const RETRY_AFTER_SECONDS = 2;
/** What could not be fetched or loaded, or ended by itself, is tried again after so long, ms. */
const START_AGAIN_MS = 10_000;

export interface LocalModelsOptions {
  home: string;
  /** Ids of the models that are loaded at the start. What else is on the disk is loaded when it is first asked for. */
  models: readonly string[];
  /** Cores that each engine may use. */
  threads: number;
  /** Most requests that wait for one engine. */
  queueLimit: number;
  /** Called with a model's id when it is loaded, and with the error when it can't be or is lost; it is tried again. */
  onState: (id: string, status: ModelStatus) => void;
}

export type ModelStatus =
  | (EngineStatus & { job: Job })
  | { job: Job; state: 'fetching' | 'failed'; reason?: string; running: 0; waiting: 0 };

type Slot =
  | { model: Model; state: 'fetching' }
  | { model: Model; state: 'failed'; error: CharlaError }
  | { model: Model; state: 'started'; host: EngineHost<Job>; directory: string };

/** The models of this process: fetched where they are missing, loaded side by side, looked up by name. */
export class LocalModels {
  readonly #options: LocalModelsOptions;
  readonly #store: ModelStore;
  readonly #slots = new Map<string, Slot>();
  readonly #stop = new AbortController();

  /** @throws CharlaError `CHARLA_MODEL_UNKNOWN` when an id is not in the catalogue */
  constructor(options: LocalModelsOptions) {
    this.#options = options;
    this.#store = new ModelStore({ home: options.home });
    for (const id of options.models) {
      const model = find(id);
      this.#slots.set(model.id, { model, state: 'fetching' });
    }
    for (const id of this.#slots.keys()) void this.#start(find(id));
  }

  /** Models that are loaded or will be, with their state. */
  status(): Map<string, ModelStatus> {
    return new Map([...this.#slots].map(([id, slot]) => [id, statusOf(slot)]));
  }

  /** State of the models that are loaded at the start; those loaded on demand are a matter of who asked. */
  state(): 'ok' | 'loading' | 'failed' {
    const all = this.status();
    const states = this.#options.models.map((id) => all.get(find(id).id)?.state);
    if (states.includes('failed')) return 'failed';
    return states.every((state) => state === 'ready') ? 'ok' : 'loading';
  }

  /**
   * The engine that answers to a model name.
   *
   * @throws CharlaError `CHARLA_MODEL_UNKNOWN`, when no model of that job has the name
   * @throws CharlaError `CHARLA_MODEL_LOADING` while it is fetched, `CHARLA_MODEL_FAILED` or `CHARLA_MODEL_UNAVAILABLE`
   */
  async engine<J extends Job>(
    name: string,
    job: J,
  ): Promise<{ model: Model; host: EngineHost<J>; directory: string }> {
    const id = ALIASES[name] ?? name;
    const model = CATALOGUE.find((candidate) => candidate.id === id && candidate.job === job);
    if (model === undefined) throw new CharlaError('CHARLA_MODEL_UNKNOWN', { id: name, param: 'model' });
    if (!this.#slots.has(id)) await this.#startIfStored(model);
    const slot = this.#slots.get(id);
    if (slot === undefined) throw new CharlaError('CHARLA_MODEL_UNKNOWN', { id: name, param: 'model' });
    if (slot.state === 'failed') throw slot.error;
    if (slot.state === 'fetching') {
      throw new CharlaError('CHARLA_MODEL_LOADING', {
        id,
        state: slot.state,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    // The catalogue says that this model does this job.
    return { model, host: slot.host as unknown as EngineHost<J>, directory: slot.directory };
  }

  /** Does something for a client while what the language models write for it waits: the two would share the processor. */
  async aheadOfModel<T>(client: string, work: () => Promise<T>): Promise<T> {
    const releases = this.#started().flatMap(({ model, host }) =>
      model.job === 'llm' ? [host.hold(client)] : [],
    );
    try {
      return await work();
    } finally {
      for (const release of releases) release();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#started().map(({ host }) => host.close()));
  }

  #started(): Array<Extract<Slot, { state: 'started' }>> {
    return [...this.#slots.values()].filter((slot) => slot.state === 'started');
  }

  async #startIfStored(model: Model): Promise<void> {
    const directory = await this.#store.path(model.id);
    if (directory !== undefined && !this.#slots.has(model.id)) await this.#start(model, directory);
  }

  async #start(model: Model, stored?: string): Promise<void> {
    const { id } = model;
    try {
      const directory =
        stored ?? (await this.#store.path(id)) ?? (await this.#store.pull(id, { signal: this.#stop.signal }));
      if (this.#stop.signal.aborted) return;
      const { threads, queueLimit } = this.#options;
      const host = new EngineHost<Job>({
        id,
        engine: model.engine,
        directory,
        threads,
        queueLimit,
        onLost: () => {
          this.#tell(id);
          this.#startAgain(model);
        },
      });
      this.#slots.set(id, { model, state: 'started', host, directory });
      await host.whenReady();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#slots.set(id, { model, state: 'failed', error: asCharlaError(error, id) });
      this.#startAgain(model);
    }
    this.#tell(id);
  }

  #startAgain(model: Model): void {
    setTimeout(() => {
      if (!this.#stop.signal.aborted) void this.#start(model);
    }, START_AGAIN_MS).unref();
  }

  #tell(id: string): void {
    const slot = this.#slots.get(id);
    if (slot !== undefined) this.#options.onState(id, statusOf(slot));
  }
}

function statusOf(slot: Slot): ModelStatus {
  const { job } = slot.model;
  if (slot.state === 'started') return { job, ...slot.host.status() };
  const reason = slot.state === 'failed' ? { reason: slot.error.message } : {};
  return { job, state: slot.state, ...reason, running: 0, waiting: 0 };
}

function find(name: string): Model {
  const id = ALIASES[name] ?? name;
  const model = CATALOGUE.find((candidate) => candidate.id === id);
  if (model === undefined) throw new CharlaError('CHARLA_MODEL_UNKNOWN', { id: name });
  return model;
}

function asCharlaError(error: unknown, id: string): CharlaError {
  if (error instanceof CharlaError) return error;
  const reason = messageOf(error);
  return new CharlaError('CHARLA_MODEL_FAILED', { id, reason }, { cause: error });
}
