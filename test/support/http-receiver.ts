import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  url: string;
  headers: IncomingHttpHeaders;
  /** As it was sent. */
  text: string;
  /** Parsed. */
  body: unknown;
}

/** A server on loopback that keeps what it is sent: stands for an integrator's. */
export interface HttpReceiver {
  readonly url: string;
  readonly received: Received[];
  /** What it answers from now on; 204 unless set. */
  answer: (request: Received, response: ServerResponse) => unknown;
  /** Ends it, connections too; {@link HttpReceiver.start} brings it back on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startHttpReceiver(): Promise<HttpReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const got = {
        url: request.url ?? '',
        headers: request.headers,
        text,
        body: JSON.parse(text) as unknown,
      };
      receiver.received.push(got);
      receiver.answer(got, response);
    });
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${port}/hooks`,
    received: [],
    answer: (_request, response) => response.writeHead(204).end(),
    async start() {
      await listen(port);
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return receiver;
}

/** Answers with a status and, if given, JSON. */
export function answering(status: number, body?: unknown, headers: Record<string, string> = {}) {
  return (_request: Received, response: ServerResponse) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(body === undefined ? undefined : JSON.stringify(body));
}
