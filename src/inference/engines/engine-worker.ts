import { parentPort, workerData } from 'node:worker_threads';
import type { Engine, EngineName, EngineOptions, Job } from './engine.ts';
import { type FromWorker, type ToWorker, toPortable, type WorkerData } from './worker-protocol.ts';

/** The entry of an engine's thread: loads the engine named in `workerData` and answers the requests it is sent. */
const { engine: name, options } = workerData as WorkerData;
if (parentPort === null) throw new Error('engine-worker.ts runs as a worker thread only.');
const port = parentPort;

const running = new Map<number, { controller: AbortController; ended: Promise<void> }>();
const begun = performance.now();
try {
  const engine = await load(name, options);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'run') start(engine, message.id, message.request);
    else if (message.kind === 'cancel') running.get(message.id)?.controller.abort();
    else void dispose(engine);
  });
  send({ kind: 'ready', concurrency: engine.concurrency, loadMs: Math.round(performance.now() - begun) });
} catch (error) {
  send({ kind: 'failed', error: toPortable(error, options.id) });
}

/** Each engine's runtime is a native library of its own: only the one that this thread runs is loaded. */
async function load(engine: EngineName, engineOptions: EngineOptions): Promise<Engine<Job>> {
  const factories = {
    whisper: async () => (await import('./whisper.ts')).createWhisper(engineOptions),
    kokoro: async () => (await import('./kokoro.ts')).createKokoro(engineOptions),
    piper: async () => (await import('./piper.ts')).createPiper(engineOptions),
    llama: async () => (await import('./llama.ts')).createLlama(engineOptions),
  };
  // The host sends each engine the requests of its own job only.
  return (await factories[engine]()) as unknown as Engine<Job>;
}

function start(engine: Engine<Job>, id: number, request: unknown): void {
  const controller = new AbortController();
  const ended = run(engine, id, request, controller.signal).finally(() => running.delete(id));
  running.set(id, { controller, ended });
}

async function run(engine: Engine<Job>, id: number, request: unknown, signal: AbortSignal): Promise<void> {
  try {
    const result = await engine.run(request as Parameters<typeof engine.run>[0], {
      signal,
      emit: (chunk) => send({ kind: 'chunk', id, chunk }),
    });
    send({ kind: 'done', id, result });
  } catch (error) {
    send({ kind: 'error', id, error: toPortable(error, options.id) });
  }
}

async function dispose(engine: Engine<Job>): Promise<void> {
  for (const { controller } of running.values()) controller.abort();
  await Promise.all([...running.values()].map(({ ended }) => ended));
  await engine.dispose();
  send({ kind: 'disposed' });
}

function send(message: FromWorker): void {
  port.postMessage(message);
}
