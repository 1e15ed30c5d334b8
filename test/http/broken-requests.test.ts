import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { buildTestServer } from '../support/test-server.ts';

let app: FastifyInstance;
let port: number;

beforeAll(async () => {
  app = await buildTestServer({ config: loadConfig({}) });
  port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(() => app.close());

/** What the server answers to these bytes before it hangs up: the status, and the body if it is JSON. */
async function answerTo(bytes: string): Promise<{ status: number; type: string; body: unknown }> {
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    type: /^content-type: ([^;\r\n]+)/im.exec(head)?.[1] ?? '',
    body: JSON.parse(body),
  };
}

describe('requests that reach no route are refused with problems too', () => {
  it.each([
    [
      'an address that is not well-formed',
      'GET /session/%zz/data-tools HTTP/1.1\r\nHost: localhost\r\n',
      400,
    ],
    [
      'an address that is too long',
      `PUT /session/${'a'.repeat(300)}/data-tools HTTP/1.1\r\nHost: localhost\r\n`,
      400,
    ],
    ['a method that there is not', 'FOO / HTTP/1.1\r\nHost: localhost\r\n', 400],
    ['something that is not HTTP', '\u0016\u0003\u0001\u0002', 400],
    ['too long headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'a'.repeat(20_000)}\r\n`, 431],
  ])('%s', async (_what, bytes, status) => {
    const answer = await answerTo(`${bytes}Connection: close\r\n\r\n`);
    expect(answer).toMatchObject({
      status,
      type: 'application/problem+json',
      body: {
        status,
        code: 'CHARLA_REQUEST_INVALID',
        instance: expect.stringMatching(/^urn:charla:request:/),
      },
    });
  });
});
