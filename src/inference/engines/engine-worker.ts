import { parentPort, workerData } from 'node:worker_threads';
import { Brake } from './brake.ts';
import type { Engine, EngineName, EngineOptions, Job } from './engine.ts';
import { type FromWorker, type ToWorker, toPortable, type WorkerData } from './worker-protocol.ts';

/** The entry of an engine's thread: loads the engine named in `workerData` and answers the requests it is sent. */
const { engine: name, options } = workerData as WorkerData;
if (parentPort === null) throw new Error('engine-worker.ts runs as a worker thread only.');
const port = parentPort;

const running = new Map<number, { controller: AbortController; brake: Brake; ended: Promise<void> }>();
const begun = performance.now();
try {
  const engine = await load(name, options);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'run') start(engine, message.id, message.request);
    else if (message.kind === 'cancel') cancel(message.id);
    else if (message.kind === 'hold') running.get(message.id)?.brake.hold(message.on);
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
  const brake = new Brake();
  const ended = run(engine, id, request, { signal: controller.signal, brake }).finally(() =>
    running.delete(id),
  );
  running.set(id, { controller, brake, ended });
}

function cancel(id: number): void {
  const job = running.get(id);
  job?.controller.abort();
  job?.brake.hold(false);
}

async function run(
  engine: Engine<Job>,
  id: number,
  request: unknown,
  { signal, brake }: { signal: AbortSignal; brake: Brake },
): Promise<void> {
  try {
    const result = await engine.run(request as Parameters<typeof engine.run>[0], {
      signal,
      emit: (chunk) => send({ kind: 'chunk', id, chunk }),
      goAhead: () => brake.goAhead(),
    });
    send({ kind: 'done', id, result });
  } catch (error) {
    send({ kind: 'error', id, error: toPortable(error, options.id) });
  }
}

async function dispose(engine: Engine<Job>): Promise<void> {
  for (const id of running.keys()) cancel(id);
  await Promise.all([...running.values()].map(({ ended }) => ended));
  await engine.dispose();
  send({ kind: 'disposed' });
}

function send(message: FromWorker): void {
  port.postMessage(message);
}
