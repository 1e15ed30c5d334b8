import { isIPv6 } from 'node:net';

/**
 * The base URL under which a server of this machine is reached from this machine, without a slash at the end: IPv6
 * addresses in brackets, and loopback in place of the addresses that stand for every interface (`0.0.0.0`, `::`).
 *
 * @param host - what the server listens on: a name or an address
 */
export function localUrl(host: string, port: number): string {
  return `http://${reachableHost(host)}:${port}`;
}

/** A host as it stands in a URL that clients use. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::' || host === '[::]') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}
