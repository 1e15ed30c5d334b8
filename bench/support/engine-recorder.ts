import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request to an engine, in ms of `performance.now()`. */
export interface EngineSpan {
  engine: 'stt' | 'llm' | 'tts';
  from: number;
  /** First byte of the answer's body; undefined when none came. */
  firstByteAt?: number;
  /** Undefined while it runs. */
  to?: number;
  /** Whether the answer came to its end; else somebody gave it up, or it still runs. */
  complete: boolean;
}

const ENGINES: ReadonlyArray<readonly [path: string, engine: EngineSpan['engine']]> = [
  ['/audio/transcriptions', 'stt'],
  ['/chat/completions', 'llm'],
  ['/audio/speech', 'tts'],
];

/**
 * Stands between a pipeline and its engines, on loopback, and notes when each request began, was answered and ended. What
 * passes through is neither held nor changed.
 */
export class EngineRecorder {
  readonly spans: EngineSpan[] = [];
  readonly #server: Server;
  readonly #enginesPort: number;

  private constructor(enginesPort: number) {
    this.#enginesPort = enginesPort;
    this.#server = createServer((from, to) => this.#pass(from, to));
  }

  /** @param enginesPort - where the engines listen on 127.0.0.1 */
  static async start(enginesPort: number): Promise<EngineRecorder> {
    const recorder = new EngineRecorder(enginesPort);
    recorder.#server.listen(0, '127.0.0.1');
    await once(recorder.#server, 'listening');
    return recorder;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const engine = ENGINES.find(([path]) => incoming.url?.endsWith(path))?.[1];
    const span: EngineSpan | undefined =
      engine === undefined ? undefined : { engine, from: performance.now(), complete: false };
    if (span !== undefined) this.spans.push(span);
    const { method, url, headers } = incoming;
    const forward = request({ host: '127.0.0.1', port: this.#enginesPort, method, path: url, headers });
    forward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.once('data', () => {
        if (span !== undefined) span.firstByteAt = performance.now();
      });
      response.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => {
      forward.destroy();
      if (span === undefined) return;
      span.to = performance.now();
      span.complete = outgoing.writableFinished;
    });
    incoming.pipe(forward);
  }
}
