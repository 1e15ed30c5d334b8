import { isIPv6 } from 'node:net';
import { reachableHost } from './local-url.ts';

const DEFAULT_PORT = 11_434;

/**
 * Reads `OLLAMA_HOST` as Ollama's own client does (`envconfig.Host` of its sources): scheme, port and host may be left
 * out (`0.0.0.0`, `myhost:1234`, `:11434`). Without a scheme the port is 11434 where none is given, with one it is that
 * of the scheme. An address that stands for every interface is one to listen on; the client calls loopback.
 *
 * @returns a URL where it can be made into one, else something that is none
 */
export function ollamaUrl(given: string): string {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(given) ?? [];
  const [authority = '', ...path] = rest.split('/');
  const [, host = '', port] = isIPv6(authority)
    ? [authority, authority]
    : (/^(.*?)(:\d+)?$/s.exec(authority) ?? []);
  const ownPort = scheme === undefined ? `:${DEFAULT_PORT}` : '';
  const noHost = host === '' && port !== undefined;
  const where = `${noHost ? '127.0.0.1' : reachableHost(host)}${port ?? ownPort}`;
  return [`${scheme ?? 'http://'}${where}`, ...path].join('/').replace(/\/+$/, '');
}
