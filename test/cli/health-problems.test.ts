import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { healthProblems } from '../../src/cli/dev/health-problems.ts';
import { freePort } from '../support/livekit-server.ts';

let server: FastifyInstance | undefined;
afterEach(() => server?.close());

async function answering(...answers: { status: number; body: string; type?: string }[]): Promise<string> {
  server = Fastify();
  server.get('/health', async (_, reply) => {
    const {
      status,
      body,
      type = 'application/json',
    } = (answers.length > 1 ? answers.shift() : answers[0]) ?? {
      status: 500,
      body: '',
    };
    return reply.status(status).type(type).send(body);
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
}

const report = (state: string, detail?: string) =>
  JSON.stringify({ components: { livekit: { state: 'ok' }, llm: { state, detail } } });

describe('the look at the health of a stack that has started', () => {
  it('finds nothing where all works', async () => {
    expect(await healthProblems(await answering({ status: 200, body: report('unused') }))).toEqual([]);
  });

  it('waits for what is on its way up', async () => {
    const url = await answering({ status: 503, body: report('down') }, { status: 200, body: report('ok') });
    expect(await healthProblems(url)).toEqual([]);
  });

  it('names what does not work', async () => {
    const url = await answering({ status: 503, body: report('refused', 'Wrong key.') });
    expect(await healthProblems(url, { settleMs: 0 })).toEqual(['llm is refused: Wrong key.']);
  });

  it('is one line, and no error, where a page answers', async () => {
    const url = await answering({ status: 502, body: '<html>Bad gateway</html>', type: 'text/html' });
    expect(await healthProblems(url, { settleMs: 0 })).toEqual([
      `GET ${url}/health answers 502 and no report of the components`,
    ]);
  });

  it('is one line, and no error, where nobody answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const [problem, ...others] = await healthProblems(url, { settleMs: 0 });
    expect(problem).toMatch(/^GET .*\/health does not answer: .*ECONNREFUSED/);
    expect(others).toEqual([]);
  });
});
