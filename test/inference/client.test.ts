import type { FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';
import { clientKey } from '../../src/inference/routes/client.ts';

function request(headers: Record<string, string>): FastifyRequest {
  return { headers, socket: { remoteAddress: '127.0.0.1', remotePort: 40_000 } } as unknown as FastifyRequest;
}

it('requests of one call take turns as one client, whatever connections they come by', () => {
  expect(clientKey(request({ 'x-client-id': 'call-7' }), 'somebody')).toBe('call-7');
});

it('others are known by the user that they name, or by their connection', () => {
  expect(clientKey(request({}), 'somebody')).toBe('somebody');
  expect(clientKey(request({}))).toBe('127.0.0.1:40000');
});
