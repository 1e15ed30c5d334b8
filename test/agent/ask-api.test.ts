import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askApi } from '../../src/agent/ask-api.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { verifyToken } from '../../src/rooms/tokens.ts';

const ask = { timeoutMs: 2_000 };
let servers: { server: Server; url: string; status: number; asked: number; authorization: string }[];
let config: Config;

beforeEach(async () => {
  servers = await Promise.all([listen(), listen()]);
  config = loadConfig({ API_URL: servers.map(({ url }) => url).join(',') });
});
afterEach(async () => {
  for (const { server } of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen() {
  const server = createServer((request, response) => {
    one.asked += 1;
    one.authorization = request.headers.authorization ?? '';
    if (one.status === 0) request.socket.destroy();
    else response.writeHead(one.status).end(String(servers.indexOf(one)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const one = { server, url, status: 200, asked: 0, authorization: '' };
  return one;
}

/** What each server answers from now on; 0: nothing. */
function answer(...statuses: number[]): void {
  for (const [index, server] of servers.entries()) server.status = statuses[index] ?? 200;
}
const asked = () => servers.map((server) => server.asked);

it('the first address is asked, with the token of an agent', async () => {
  const response = await askApi(config, '/x', ask);
  expect([response.status, await response.text(), asked()]).toEqual([200, '0', [1, 0]]);
  const token = servers[0]?.authorization.replace('Bearer ', '') ?? '';
  expect(await verifyToken(config, token)).toEqual({ kind: 'agent' });
});

it.each([0, 500, 503])(
  'the next address is asked when the first one answers %i, and first from then on',
  async (status) => {
    answer(status, 200);
    expect(await (await askApi(config, '/x', ask)).text()).toBe('1');
    await askApi(config, '/x', ask);
    expect(asked()).toEqual([1, 2]);
    answer(200, status);
    expect(await (await askApi(config, '/x', ask)).text()).toBe('0');
  },
);

it('what is the fault of the request is an answer, which no other address is asked for', async () => {
  answer(404, 200);
  expect((await askApi(config, '/x', ask)).status).toBe(404);
  expect(asked()).toEqual([1, 0]);
});

it('when none works the last answer counts, or else why there was none', async () => {
  answer(503, 0);
  expect((await askApi(config, '/x', ask)).status).toBe(503);
  answer(0, 0);
  await expect(askApi(config, '/x', ask)).rejects.toThrow();
  expect(asked()).toEqual([2, 2]);
});

it('who gives up does not have the next address asked', async () => {
  await expect(askApi(config, '/x', { ...ask, signal: AbortSignal.abort() })).rejects.toThrow();
  expect(asked()).toEqual([0, 0]);
});
