import { parentPort, workerData } from 'node:worker_threads';
import type { Engine, EngineName, EngineOptions, Job } from './engine.ts';
import { type FromWorker, type ToWorker, toPortable, type WorkerData } from './worker-protocol.ts';

/** The entry of an engine's thread: loads the engine named in `workerData` and answers the requests it is sent. */
const { engine: name, options } = workerData as WorkerData;
if (parentPort === null) throw new Error('engine-worker.ts runs as a worker thread only.');
const port = parentPort;

const running = new Map<number, AbortController>();
const begun = performance.now();
try {
  const engine = await load(name, options);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'run') void run(engine, message.id, message.request);
    else if (message.kind === 'cancel') running.get(message.id)?.abort();
    else void engine.dispose().then(() => port.close());
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

async function run(engine: Engine<Job>, id: number, request: unknown): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await engine.run(request as Parameters<typeof engine.run>[0], {
      signal: controller.signal,
      emit: (chunk) => send({ kind: 'chunk', id, chunk }),
    });
    send({ kind: 'done', id, result });
  } catch (error) {
    send({ kind: 'error', id, error: toPortable(error, options.id) });
  } finally {
    running.delete(id);
  }
}

function send(message: FromWorker): void {
  port.postMessage(message);
}
