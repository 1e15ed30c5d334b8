import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * `ok`: passes everything on. `503`: answers so itself. `down`: drops the connection. `answer lost`: passes the request on,
 * and drops the connection in the answer's place.
 */
export type Fault = 'ok' | '503' | 'down' | 'answer lost';

export interface FaultyProxy {
  url: string;
  fault: Fault;
  /** The fault is for requests whose path holds this only; for all unless given. */
  only: string | undefined;
  /** Bodies of all requests that came, whatever became of them. */
  bodies: string[];
  close(): Promise<void>;
}

/** An HTTP server in front of another one, which fails on demand. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    proxy.bodies.push(body.toString());
    const fault = proxy.only === undefined || request.url?.includes(proxy.only) ? proxy.fault : 'ok';
    if (fault === 'down') return request.socket.destroy();
    if (fault === '503') return response.writeHead(503).end('away');
    const {
      host: _host,
      connection: _connection,
      'transfer-encoding': _chunked,
      ...headers
    } = request.headers;
    const passed = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body }),
    });
    const text = await passed.text();
    if (fault === 'answer lost') return request.socket.destroy();
    const type = passed.headers.get('content-type') ?? 'text/plain';
    return response.writeHead(passed.status, { 'content-type': type }).end(text);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${port}`,
    fault: 'ok',
    only: undefined,
    bodies: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
