import { z } from 'zod';
import { commaList } from './comma-list.ts';
import { isNetwork } from './networks.ts';

/** Names of networks that Fastify knows. */
const NAMED = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * The proxies before the server: addresses, networks as `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`, separated by
 * commas. Not «all», and not how many: then whoever comes past them could claim any address.
 */
export const proxyList = z.string().transform((text, context): string[] => {
  const entries = commaList(text);
  const wrong = entries.find((entry) => !NAMED.includes(entry) && !isNetwork(entry));
  if (wrong === undefined) return entries;
  context.addIssue(`has ${wrong}, which is no address, network, or ${NAMED.join(', ')}`);
  return z.NEVER;
});
