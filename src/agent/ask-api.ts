import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { apiUrls, type Config } from '../config/config.ts';
import { agentToken } from '../rooms/tokens.ts';

export interface ApiRequest {
  /** @defaultValue GET */
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** Sent as JSON. */
  body?: unknown;
  /** Sent in place of a body, as it is. */
  file?: { path: string; type: string };
  headers?: Record<string, string>;
  /** Time for each address, ms. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** The address that answered last is asked first: one that is away costs its time limit once. */
const answering = new WeakMap<Config, string>();

/**
 * Asks the HTTP API as an agent: each address of API_URL in turn, until one answers for good.
 *
 * @param path - from `/` on
 * @returns an answer under 500, or the last one when all are over it
 * @throws the last error, when none answers at all
 */
export async function askApi(config: Config, path: string, request: ApiRequest): Promise<Response> {
  const { method = 'GET', body, file, timeoutMs, signal } = request;
  const headers = {
    authorization: `Bearer ${await agentToken(config)}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(file !== undefined && { 'content-type': file.type }),
    ...request.headers,
  };
  const urls = apiUrls(config);
  const first = answering.get(config);
  const inOrder = first === undefined ? urls : [first, ...urls.filter((url) => url !== first)];
  let failed: { response: Response } | { error: unknown } = { error: new Error('API_URL is empty') };
  for (const url of inOrder) {
    try {
      const limit = AbortSignal.timeout(timeoutMs);
      const response = await fetch(`${url}${path}`, {
        method,
        headers,
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(file !== undefined && { body: Readable.toWeb(createReadStream(file.path)), duplex: 'half' }),
      });
      if (response.status < 500) {
        answering.set(config, url);
        return response;
      }
      if ('response' in failed) await failed.response.body?.cancel();
      failed = { response };
    } catch (error) {
      signal?.throwIfAborted();
      if (!('response' in failed)) failed = { error };
    }
  }
  if ('response' in failed) return failed.response;
  throw failed.error;
}
