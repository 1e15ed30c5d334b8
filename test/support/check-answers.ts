import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { type ApiContract, apiContract, type Exchange } from './api-contract.ts';

/**
 * Holds every answer of a server to its own OpenAPI document. An injected request with another answer fails; for those
 * that come over the network, closing the server does.
 */
export function checkAnswers(app: FastifyInstance): void {
  let contract: ApiContract | undefined;
  const breach = (exchange: Exchange) => {
    contract ??= apiContract(app.swagger());
    return contract.breach(exchange);
  };

  const inject = app.inject.bind(app);
  const checked = async (options: InjectOptions | string): Promise<LightMyRequestResponse> => {
    const response = await inject(options);
    const { url, method = 'GET' } = typeof options === 'string' ? { url: options } : options;
    const wrong = breach({
      method,
      url: typeof url === 'string' ? url : (url?.pathname ?? '/'),
      status: response.statusCode,
      contentType: response.headers['content-type']?.toString(),
      body: response.body,
    });
    if (wrong !== undefined) throw new Error(wrong);
    return response;
  };
  Object.assign(app, { inject: checked });

  const breaches = new Set<string>();
  app.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    onAnswer(response, (contentType, body) => {
      const { method = 'GET', url = '/' } = request;
      const wrong = breach({ method, url, status: response.statusCode, contentType, body });
      if (wrong !== undefined) breaches.add(wrong);
    });
  });
  app.addHook('onClose', async () => {
    if (breaches.size > 0) throw new Error([...breaches].join('\n\n'));
  });
}

/** Calls back with the type and the whole body of an answer once it has been written. */
function onAnswer(
  response: ServerResponse,
  done: (contentType: string | undefined, body: string) => void,
): void {
  const chunks: Buffer[] = [];
  let contentType: string | undefined;
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  Object.assign(response, {
    writeHead: (...args: unknown[]) => {
      // Headers that nobody set before go out from here, and `getHeader` knows nothing of them.
      const given = args.find((arg) => typeof arg === 'object' && arg !== null && 'content-type' in arg);
      contentType = (given as { 'content-type': string } | undefined)?.['content-type'];
      return writeHead(...args);
    },
  });
  const keep = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
  };
  for (const name of ['write', 'end'] as const) {
    const original = response[name].bind(response) as (...args: unknown[]) => unknown;
    Object.assign(response, {
      [name]: (...args: unknown[]) => {
        keep(args[0]);
        return original(...args);
      },
    });
  }
  response.once('finish', () => {
    done(contentType ?? response.getHeader('content-type')?.toString(), Buffer.concat(chunks).toString());
  });
}
