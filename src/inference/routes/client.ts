import type { FastifyReply, FastifyRequest } from 'fastify';

/** A signal that aborts when the client goes away before it has its answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new ClientGoneError());
  });
  return controller.signal;
}

/** Whose turn in the queue a request takes: the header `x-client-id`, the `user` it names, else its connection. */
export function clientKey({ headers, socket }: FastifyRequest, user?: string): string {
  const id = headers['x-client-id'];
  return (typeof id === 'string' ? id : user) ?? `${socket.remoteAddress}:${socket.remotePort}`;
}

/** Why work was given up. Nobody reads it: the client is not there any more. */
export class ClientGoneError extends Error {
  constructor() {
    super('The client went away.');
    this.name = 'ClientGoneError';
  }
}
